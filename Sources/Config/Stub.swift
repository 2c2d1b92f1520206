internal import IPCControl
