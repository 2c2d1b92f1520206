internal import SwiftProtobuf

/// A frame's content: which message it is and the message. Directions and rules are in `docs/ipc.md` section 2.
package enum HubMessage: Sendable, Equatable {
    case hello(HubHello)
    case welcome(HubWelcome)
    case goodbye(HubGoodbye)
    case request(HubRequest)
    case response(HubResponse)
    case inbound(HubInbound)
    case inboundAck(HubInboundAck)
    case cursor(HubCursor)
    case normalize(HubNormalize)
    case normalized(HubNormalized)
    case send(HubSend)
    case sendResult(HubSendResult)
    case resultAck(HubResultAck)
    case activity(HubActivity)
    case channelStatus(HubChannelStatus)
    case turn(HubTurn)
    case turnEvent(HubTurnEvent)
    case toolOpen(HubToolCall)
    case toolOpened(HubToolAck)
    case toolClose(HubToolCall)
    case toolClosed(HubToolAck)
    case done(HubTurnDone)
    case doneAck(HubTurnAck)
    case interrupt(HubInterrupt)
    case streamOpen(HubStreamOpen)
    case modelRequest(HubModelRequest)
    case modelMessage(HubModelMessage)
    case modelRequestEnd(HubModelRequestEnd)
    case modelEvent(HubModelEvent)
    case mediaRequest(HubMediaRequest)
    case mediaChunk(HubMediaChunk)
    case mediaEnd(HubMediaEnd)
    case modelState(HubModelState)
    case modelStateAck(HubModelStateAck)
    case ledgerRow(HubLedgerRow)
    case ledgerAck(HubLedgerAck)
    case relayRequest(HubRelayRequest)
    case relayHead(HubRelayHead)
    case tunnelStatus(HubTunnelStatus)
    case publicURL(HubPublicURL)
    case callRecord(HubCallRecord)
    case callAck(HubCallAck)
    case callsKnown(HubCallsKnown)

    /// The type byte on the wire.
    package var type: UInt8 {
        switch self {
        case .hello: 1
        case .welcome: 2
        case .goodbye: 3
        case .request: 4
        case .response: 5
        case .inbound: 16
        case .inboundAck: 17
        case .cursor: 18
        case .normalize: 19
        case .normalized: 20
        case .send: 21
        case .sendResult: 22
        case .resultAck: 23
        case .activity: 24
        case .channelStatus: 25
        case .turn: 32
        case .turnEvent: 33
        case .toolOpen: 34
        case .toolOpened: 35
        case .toolClose: 36
        case .toolClosed: 37
        case .done: 38
        case .doneAck: 39
        case .interrupt: 40
        case .streamOpen: 48
        case .modelRequest: 49
        case .modelMessage: 50
        case .modelRequestEnd: 51
        case .modelEvent: 52
        case .mediaRequest: 56
        case .mediaChunk: 57
        case .mediaEnd: 58
        case .modelState: 64
        case .modelStateAck: 65
        case .ledgerRow: 66
        case .ledgerAck: 67
        case .relayRequest: 68
        case .relayHead: 69
        case .tunnelStatus: 72
        case .publicURL: 73
        case .callRecord: 80
        case .callAck: 81
        case .callsKnown: 82
        }
    }

    /// What is in it, for the encoder.
    var message: any SwiftProtobuf.Message {
        switch self {
        case .hello(let message): message
        case .welcome(let message): message
        case .goodbye(let message): message
        case .request(let message): message
        case .response(let message): message
        case .inbound(let message): message
        case .inboundAck(let message): message
        case .cursor(let message): message
        case .normalize(let message): message
        case .normalized(let message): message
        case .send(let message): message
        case .sendResult(let message): message
        case .resultAck(let message): message
        case .activity(let message): message
        case .channelStatus(let message): message
        case .turn(let message): message
        case .turnEvent(let message): message
        case .toolOpen(let message): message
        case .toolOpened(let message): message
        case .toolClose(let message): message
        case .toolClosed(let message): message
        case .done(let message): message
        case .doneAck(let message): message
        case .interrupt(let message): message
        case .streamOpen(let message): message
        case .modelRequest(let message): message
        case .modelMessage(let message): message
        case .modelRequestEnd(let message): message
        case .modelEvent(let message): message
        case .mediaRequest(let message): message
        case .mediaChunk(let message): message
        case .mediaEnd(let message): message
        case .modelState(let message): message
        case .modelStateAck(let message): message
        case .ledgerRow(let message): message
        case .ledgerAck(let message): message
        case .relayRequest(let message): message
        case .relayHead(let message): message
        case .tunnelStatus(let message): message
        case .publicURL(let message): message
        case .callRecord(let message): message
        case .callAck(let message): message
        case .callsKnown(let message): message
        }
    }

    /// Reads the message of a frame; throws when the type is unknown or the bytes are not that message.
    init(type: UInt8, bytes: [UInt8]) throws(FrameError) {
        do {
            switch type {
            case 1: self = .hello(try HubHello(serializedBytes: bytes))
            case 2: self = .welcome(try HubWelcome(serializedBytes: bytes))
            case 3: self = .goodbye(try HubGoodbye(serializedBytes: bytes))
            case 4: self = .request(try HubRequest(serializedBytes: bytes))
            case 5: self = .response(try HubResponse(serializedBytes: bytes))
            case 16: self = .inbound(try HubInbound(serializedBytes: bytes))
            case 17: self = .inboundAck(try HubInboundAck(serializedBytes: bytes))
            case 18: self = .cursor(try HubCursor(serializedBytes: bytes))
            case 19: self = .normalize(try HubNormalize(serializedBytes: bytes))
            case 20: self = .normalized(try HubNormalized(serializedBytes: bytes))
            case 21: self = .send(try HubSend(serializedBytes: bytes))
            case 22: self = .sendResult(try HubSendResult(serializedBytes: bytes))
            case 23: self = .resultAck(try HubResultAck(serializedBytes: bytes))
            case 24: self = .activity(try HubActivity(serializedBytes: bytes))
            case 25: self = .channelStatus(try HubChannelStatus(serializedBytes: bytes))
            case 32: self = .turn(try HubTurn(serializedBytes: bytes))
            case 33: self = .turnEvent(try HubTurnEvent(serializedBytes: bytes))
            case 34: self = .toolOpen(try HubToolCall(serializedBytes: bytes))
            case 35: self = .toolOpened(try HubToolAck(serializedBytes: bytes))
            case 36: self = .toolClose(try HubToolCall(serializedBytes: bytes))
            case 37: self = .toolClosed(try HubToolAck(serializedBytes: bytes))
            case 38: self = .done(try HubTurnDone(serializedBytes: bytes))
            case 39: self = .doneAck(try HubTurnAck(serializedBytes: bytes))
            case 40: self = .interrupt(try HubInterrupt(serializedBytes: bytes))
            case 48: self = .streamOpen(try HubStreamOpen(serializedBytes: bytes))
            case 49: self = .modelRequest(try HubModelRequest(serializedBytes: bytes))
            case 50: self = .modelMessage(try HubModelMessage(serializedBytes: bytes))
            case 51: self = .modelRequestEnd(try HubModelRequestEnd(serializedBytes: bytes))
            case 52: self = .modelEvent(try HubModelEvent(serializedBytes: bytes))
            case 56: self = .mediaRequest(try HubMediaRequest(serializedBytes: bytes))
            case 57: self = .mediaChunk(try HubMediaChunk(serializedBytes: bytes))
            case 58: self = .mediaEnd(try HubMediaEnd(serializedBytes: bytes))
            case 64: self = .modelState(try HubModelState(serializedBytes: bytes))
            case 65: self = .modelStateAck(try HubModelStateAck(serializedBytes: bytes))
            case 66: self = .ledgerRow(try HubLedgerRow(serializedBytes: bytes))
            case 67: self = .ledgerAck(try HubLedgerAck(serializedBytes: bytes))
            case 68: self = .relayRequest(try HubRelayRequest(serializedBytes: bytes))
            case 69: self = .relayHead(try HubRelayHead(serializedBytes: bytes))
            case 72: self = .tunnelStatus(try HubTunnelStatus(serializedBytes: bytes))
            case 73: self = .publicURL(try HubPublicURL(serializedBytes: bytes))
            case 80: self = .callRecord(try HubCallRecord(serializedBytes: bytes))
            case 81: self = .callAck(try HubCallAck(serializedBytes: bytes))
            case 82: self = .callsKnown(try HubCallsKnown(serializedBytes: bytes))
            default: throw FrameError.unknownType(type)
            }
        } catch let error as FrameError {
            throw error
        } catch {
            throw FrameError.malformed(type)
        }
    }
}
