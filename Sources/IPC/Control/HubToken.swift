/// What a worker proves itself with in HELLO: made by the supervisor, checked by the gateway, both with this start's key.
package enum HubToken {
    /// HMAC-SHA256 under `key` of `ID|INCARNATION`.
    package static func make(key: [UInt8], worker: WorkerID, incarnation: UInt64) -> [UInt8] {
        SHA256.hmac(key: key, message: "\(worker.rawValue)|\(incarnation)".utf8)
    }

    /// Whether `token` is the one for this incarnation, compared in constant time.
    package static func isValid(_ token: [UInt8], key: [UInt8], worker: WorkerID, incarnation: UInt64) -> Bool {
        SHA256.isEqual(token, make(key: key, worker: worker, incarnation: incarnation))
    }
}
