internal import Config
