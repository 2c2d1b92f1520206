internal import NIOPosix
internal import Logging
internal import IPCHub
