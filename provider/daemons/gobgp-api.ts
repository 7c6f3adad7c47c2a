import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { createConnection } from "node:net";
import { Root, type Type } from "protobufjs/light";

/**
 * The messages of GoBGP's API that are used here, with the field numbers of osrg/gobgp v3.10 (api/gobgp.proto,
 * api/attribute.proto); wire-compatible with every 3.x. Enumerations are plain numbers.
 */
const schema = {
    nested: {
        Any: { fields: { typeUrl: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
        Timestamp: { fields: { seconds: { type: "int64", id: 1 }, nanos: { type: "int32", id: 2 } } },
        Empty: { fields: {} },
        Family: { fields: { afi: { type: "int32", id: 1 }, safi: { type: "int32", id: 2 } } },
        Global: {
            fields: {
                asn: { type: "uint32", id: 1 },
                routerId: { type: "string", id: 2 },
                listenPort: { type: "int32", id: 3 },
                listenAddresses: { rule: "repeated", type: "string", id: 4 },
                routeSelectionOptions: { type: "RouteSelectionOptionsConfig", id: 7 },
            },
        },
        RouteSelectionOptionsConfig: { fields: { externalCompareRouterId: { type: "bool", id: 3 } } },
        StartBgpRequest: { fields: { global: { type: "Global", id: 1 } } },
        StopBgpRequest: { fields: {} },
        GetBgpRequest: { fields: {} },
        GetBgpResponse: { fields: { global: { type: "Global", id: 1 } } },

        PeerConf: {
            fields: {
                description: { type: "string", id: 2 },
                localAsn: { type: "uint32", id: 3 },
                neighborAddress: { type: "string", id: 4 },
                peerAsn: { type: "uint32", id: 5 },
                type: { type: "int32", id: 7 },
                adminDown: { type: "bool", id: 15 },
            },
        },
        MessageCounts: {
            fields: { update: { type: "uint64", id: 2 } },
        },
        Messages: { fields: { received: { type: "MessageCounts", id: 1 }, sent: { type: "MessageCounts", id: 2 } } },
        PeerState: {
            fields: {
                messages: { type: "Messages", id: 4 },
                neighborAddress: { type: "string", id: 5 },
                peerAsn: { type: "uint32", id: 6 },
                sessionState: { type: "int32", id: 13 },
                adminState: { type: "int32", id: 15 },
                routerId: { type: "string", id: 20 },
            },
        },
        TimersConfig: {
            fields: {
                connectRetry: { type: "uint64", id: 1 },
                holdTime: { type: "uint64", id: 2 },
                keepaliveInterval: { type: "uint64", id: 3 },
            },
        },
        TimersState: {
            fields: { negotiatedHoldTime: { type: "uint64", id: 5 }, uptime: { type: "Timestamp", id: 6 } },
        },
        Timers: { fields: { config: { type: "TimersConfig", id: 1 }, state: { type: "TimersState", id: 2 } } },
        GracefulRestart: {
            fields: {
                enabled: { type: "bool", id: 1 },
                restartTime: { type: "uint32", id: 2 },
                deferralTime: { type: "uint32", id: 4 },
                notificationEnabled: { type: "bool", id: 5 },
                localRestarting: { type: "bool", id: 10 },
            },
        },
        MpGracefulRestartConfig: { fields: { enabled: { type: "bool", id: 1 } } },
        MpGracefulRestart: { fields: { config: { type: "MpGracefulRestartConfig", id: 1 } } },
        AfiSafiConfig: { fields: { family: { type: "Family", id: 1 }, enabled: { type: "bool", id: 2 } } },
        AfiSafiState: { fields: { received: { type: "uint64", id: 3 } } },
        Transport: { fields: { localAddress: { type: "string", id: 1 } } },
        EbgpMultihop: { fields: { enabled: { type: "bool", id: 1 }, multihopTtl: { type: "uint32", id: 2 } } },
        AfiSafi: {
            fields: {
                mpGracefulRestart: { type: "MpGracefulRestart", id: 1 },
                config: { type: "AfiSafiConfig", id: 2 },
                state: { type: "AfiSafiState", id: 3 },
            },
        },
        Peer: {
            fields: {
                conf: { type: "PeerConf", id: 2 },
                ebgpMultihop: { type: "EbgpMultihop", id: 3 },
                state: { type: "PeerState", id: 5 },
                timers: { type: "Timers", id: 6 },
                transport: { type: "Transport", id: 7 },
                gracefulRestart: { type: "GracefulRestart", id: 9 },
                afiSafis: { rule: "repeated", type: "AfiSafi", id: 10 },
            },
        },
        AddPeerRequest: { fields: { peer: { type: "Peer", id: 1 } } },
        DeletePeerRequest: { fields: { address: { type: "string", id: 1 } } },
        UpdatePeerRequest: { fields: { peer: { type: "Peer", id: 1 } } },
        ResetPeerRequest: {
            fields: {
                address: { type: "string", id: 1 },
                soft: { type: "bool", id: 3 },
                direction: { type: "int32", id: 4 },
            },
        },
        EnablePeerRequest: { fields: { address: { type: "string", id: 1 } } },
        ListPeerRequest: { fields: { address: { type: "string", id: 1 }, enableAdvertised: { type: "bool", id: 2 } } },
        ListPeerResponse: { fields: { peer: { type: "Peer", id: 1 } } },

        Path: {
            fields: {
                nlri: { type: "Any", id: 1 },
                pattrs: { rule: "repeated", type: "Any", id: 2 },
                best: { type: "bool", id: 4 },
                isWithdraw: { type: "bool", id: 5 },
                family: { type: "Family", id: 9 },
                filtered: { type: "bool", id: 12 },
                neighborIp: { type: "string", id: 15 },
            },
        },
        Destination: {
            fields: { prefix: { type: "string", id: 1 }, paths: { rule: "repeated", type: "Path", id: 2 } },
        },
        AddPathStreamRequest: {
            fields: { tableType: { type: "int32", id: 1 }, paths: { rule: "repeated", type: "Path", id: 3 } },
        },
        ListPathRequest: {
            fields: {
                tableType: { type: "int32", id: 1 },
                name: { type: "string", id: 2 },
                family: { type: "Family", id: 3 },
                enableFiltered: { type: "bool", id: 6 },
            },
        },
        ListPathResponse: { fields: { destination: { type: "Destination", id: 1 } } },

        WatchedPeers: { fields: {} },
        WatchFilter: { fields: { type: { type: "int32", id: 1 }, init: { type: "bool", id: 2 } } },
        WatchedTables: { fields: { filters: { rule: "repeated", type: "WatchFilter", id: 1 } } },
        WatchEventRequest: {
            fields: { peer: { type: "WatchedPeers", id: 1 }, table: { type: "WatchedTables", id: 2 } },
        },
        PeerEvent: { fields: { type: { type: "int32", id: 1 }, peer: { type: "Peer", id: 2 } } },
        TableEvent: { fields: { paths: { rule: "repeated", type: "Path", id: 2 } } },
        WatchEventResponse: {
            fields: { peer: { type: "PeerEvent", id: 2 }, table: { type: "TableEvent", id: 3 } },
        },

        Prefix: {
            fields: {
                ipPrefix: { type: "string", id: 1 },
                maskLengthMin: { type: "uint32", id: 2 },
                maskLengthMax: { type: "uint32", id: 3 },
            },
        },
        DefinedSet: {
            fields: {
                definedType: { type: "int32", id: 1 },
                name: { type: "string", id: 2 },
                list: { rule: "repeated", type: "string", id: 3 },
                prefixes: { rule: "repeated", type: "Prefix", id: 4 },
            },
        },
        AddDefinedSetRequest: { fields: { definedSet: { type: "DefinedSet", id: 1 } } },
        DeleteDefinedSetRequest: {
            fields: { definedSet: { type: "DefinedSet", id: 1 }, all: { type: "bool", id: 2 } },
        },
        ListDefinedSetRequest: { fields: { definedType: { type: "int32", id: 1 }, name: { type: "string", id: 2 } } },
        ListDefinedSetResponse: { fields: { definedSet: { type: "DefinedSet", id: 1 } } },

        MatchSet: { fields: { type: { type: "int32", id: 1 }, name: { type: "string", id: 2 } } },
        Conditions: {
            fields: {
                prefixSet: { type: "MatchSet", id: 1 },
                neighborSet: { type: "MatchSet", id: 2 },
                routeType: { type: "int32", id: 8 },
            },
        },
        Actions: { fields: { routeAction: { type: "int32", id: 1 } } },
        Statement: {
            fields: {
                name: { type: "string", id: 1 },
                conditions: { type: "Conditions", id: 2 },
                actions: { type: "Actions", id: 3 },
            },
        },
        Policy: {
            fields: { name: { type: "string", id: 1 }, statements: { rule: "repeated", type: "Statement", id: 2 } },
        },
        AddPolicyRequest: { fields: { policy: { type: "Policy", id: 1 } } },
        DeletePolicyRequest: {
            fields: {
                policy: { type: "Policy", id: 1 },
                preserveStatements: { type: "bool", id: 2 },
                all: { type: "bool", id: 3 },
            },
        },
        ListPolicyRequest: { fields: { name: { type: "string", id: 1 } } },
        ListPolicyResponse: { fields: { policy: { type: "Policy", id: 1 } } },
        DeleteStatementRequest: {
            fields: { statement: { type: "Statement", id: 1 }, all: { type: "bool", id: 2 } },
        },
        PolicyAssignment: {
            fields: {
                name: { type: "string", id: 1 },
                direction: { type: "int32", id: 2 },
                policies: { rule: "repeated", type: "Policy", id: 4 },
                defaultAction: { type: "int32", id: 5 },
            },
        },
        SetPolicyAssignmentRequest: { fields: { assignment: { type: "PolicyAssignment", id: 1 } } },
        ListPolicyAssignmentRequest: {
            fields: { name: { type: "string", id: 1 }, direction: { type: "int32", id: 2 } },
        },
        ListPolicyAssignmentResponse: { fields: { assignment: { type: "PolicyAssignment", id: 1 } } },

        IPAddressPrefix: { fields: { prefixLen: { type: "uint32", id: 1 }, prefix: { type: "string", id: 2 } } },
        OriginAttribute: { fields: { origin: { type: "uint32", id: 1 } } },
        NextHopAttribute: { fields: { nextHop: { type: "string", id: 1 } } },
        AsSegment: { fields: { type: { type: "int32", id: 1 }, numbers: { rule: "repeated", type: "uint32", id: 2 } } },
        AsPathAttribute: { fields: { segments: { rule: "repeated", type: "AsSegment", id: 1 } } },
        MpReachNLRIAttribute: { fields: { nextHops: { rule: "repeated", type: "string", id: 2 } } },
    },
};

/** Procedures with the messages they take and give, one or a stream of them. */
const procedures = {
    StartBgp: ["StartBgpRequest", "Empty"],
    StopBgp: ["StopBgpRequest", "Empty"],
    GetBgp: ["GetBgpRequest", "GetBgpResponse"],
    AddPeer: ["AddPeerRequest", "Empty"],
    DeletePeer: ["DeletePeerRequest", "Empty"],
    UpdatePeer: ["UpdatePeerRequest", "Empty"],
    EnablePeer: ["EnablePeerRequest", "Empty"],
    DisablePeer: ["EnablePeerRequest", "Empty"],
    ListPeer: ["ListPeerRequest", "ListPeerResponse"],
    ResetPeer: ["ResetPeerRequest", "Empty"],
    WatchEvent: ["WatchEventRequest", "WatchEventResponse"],
    AddPathStream: ["AddPathStreamRequest", "Empty"],
    ListPath: ["ListPathRequest", "ListPathResponse"],
    AddDefinedSet: ["AddDefinedSetRequest", "Empty"],
    DeleteDefinedSet: ["DeleteDefinedSetRequest", "Empty"],
    ListDefinedSet: ["ListDefinedSetRequest", "ListDefinedSetResponse"],
    AddPolicy: ["AddPolicyRequest", "Empty"],
    DeletePolicy: ["DeletePolicyRequest", "Empty"],
    ListPolicy: ["ListPolicyRequest", "ListPolicyResponse"],
    DeleteStatement: ["DeleteStatementRequest", "Empty"],
    SetPolicyAssignment: ["SetPolicyAssignmentRequest", "Empty"],
    ListPolicyAssignment: ["ListPolicyAssignmentRequest", "ListPolicyAssignmentResponse"],
} as const;

/** Socket of the API of a namespace's gobgpd, as a path inside the sandbox. */
export function gobgpSocket(namespace: string): string {
    return `/run/gobgp/${namespace}.sock`;
}

/** A procedure of the API. */
export type Procedure = keyof typeof procedures;

/** A message as plain data. */
export type Message = Readonly<Record<string, unknown>>;

let root: Root | undefined;

function typeNamed(name: string): Type {
    root ??= Root.fromJSON(schema);
    return root.lookupType(name);
}

/** Bytes of a message, e.g. to put it into a `google.protobuf.Any`. */
export function encode(type: string, message: Message): Uint8Array {
    const known = typeNamed(type);
    return known.encode(known.fromObject(message)).finish();
}

/** A message of its bytes; absent fields have their defaults, 64-bit integers are numbers. */
export function decode(type: string, bytes: Uint8Array): Message {
    const known = typeNamed(type);
    return known.toObject(known.decode(bytes), { longs: Number, defaults: true, arrays: true });
}

/** A connection to one gobgpd. Calls may be made at once; gobgpd gives no order between them. */
export interface GobgpApi {
    /**
     * Calls a procedure and gives all messages it answers.
     *
     * @throws Error when gobgpd refuses (with its reason), is gone, or does not answer in time
     */
    call(procedure: Procedure, request?: Message): Promise<readonly Message[]>;
    /**
     * Calls a procedure that answers as long as it is asked, and hears of each message at once.
     *
     * @param signal ends the call
     * @returns when the signal has ended the call, or gobgpd has without an error
     * @throws Error when gobgpd refuses or is gone
     */
    stream(
        procedure: Procedure,
        request: Message,
        onMessage: (message: Message) => void,
        signal: AbortSignal,
    ): Promise<void>;
    close(): void;
}

/** Milliseconds a call may take. */
const timeout = 10_000;

/**
 * Connects to gobgpd's API on a unix socket. This is gRPC spoken directly over HTTP/2 (one stream per call, each message
 * behind five bytes: not compressed, length); a general client costs more processor time per connection than all calls
 * to one speaker together, and a lab has up to 250 speakers.
 *
 * @throws Error when nothing listens
 */
export async function connectGobgp(path: string, who: string): Promise<GobgpApi> {
    const socket = createConnection(path);
    await new Promise<void>((done, fail) => {
        socket.once("connect", () => {
            socket.removeAllListeners("error");
            done();
        });
        socket.once("error", (error: NodeJS.ErrnoException) => {
            fail(new Error(`${who} does not run: its API socket gives ${error.code ?? error.message}`));
        });
    });
    const session = connectHttp2("http://localhost", { createConnection: () => socket });
    // Every open call fails with the session's error; without a listener it would end the process.
    session.on("error", () => undefined);
    return {
        async call(procedure, request = {}) {
            const answers: Message[] = [];
            const hear = (message: Message) => answers.push(message);
            await callOver({ session, who, procedure, request, hear, timeoutMilliseconds: timeout });
            return answers;
        },
        stream: (procedure, request, hear, signal) => callOver({ session, who, procedure, request, hear, signal }),
        close: () => session.destroy(),
    };
}

interface Call {
    readonly session: ClientHttp2Session;
    readonly who: string;
    readonly procedure: Procedure;
    readonly request: Message;
    readonly hear: (message: Message) => void;
    /** Longest silence; without it there may be any. */
    readonly timeoutMilliseconds?: number;
    readonly signal?: AbortSignal;
}

function callOver({ session, who, procedure, request, hear, timeoutMilliseconds, signal }: Call): Promise<void> {
    const [takes, gives] = procedures[procedure];
    return new Promise((done, fail) => {
        if (session.closed || session.destroyed) {
            fail(new Error(`${who} is gone (${procedure})`));
            return;
        }
        if (signal?.aborted) {
            done();
            return;
        }
        const stream = session.request({
            ":method": "POST",
            ":path": `/apipb.GobgpApi/${procedure}`,
            "content-type": "application/grpc",
            te: "trailers",
        });
        const abort = () => stream.close(constants.NGHTTP2_CANCEL);
        signal?.addEventListener("abort", abort, { once: true });
        onFrames(stream, (frame) => hear(decode(gives, frame)));
        if (timeoutMilliseconds !== undefined) {
            stream.setTimeout(timeoutMilliseconds, () => {
                stream.close(constants.NGHTTP2_CANCEL);
                fail(new Error(`${who} did not answer ${procedure} within ${timeoutMilliseconds} ms`));
            });
        }
        stream.once("error", (error) => fail(new Error(`${who}: ${procedure}: ${error.message}`)));
        const status = statusOf(stream);
        stream.once("close", () => {
            signal?.removeEventListener("abort", abort);
            const { code, message } = status();
            if (code === 0 || signal?.aborted) {
                done();
            } else if (code === undefined) {
                fail(new Error(`${who} went away during ${procedure}`));
            } else {
                fail(new Error(`${who} refused ${procedure}: ${message}`));
            }
        });
        stream.end(frame(encode(takes, request)));
    });
}

/** gRPC's status comes in the trailers, or in the headers of an answer without messages. */
function statusOf(stream: ClientHttp2Stream): () => { readonly code?: number; readonly message: string } {
    let code: number | undefined;
    let message = "";
    const note = (headers: Readonly<Record<string, string | string[] | number | undefined>>) => {
        if (headers["grpc-status"] !== undefined) {
            code = Number(headers["grpc-status"]);
            message = decodeURIComponent(String(headers["grpc-message"] ?? ""));
        }
    };
    stream.once("response", note);
    stream.once("trailers", note);
    return () => ({ code, message });
}

function frame(message: Uint8Array): Buffer {
    const framed = Buffer.alloc(5 + message.length);
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, 5);
    return framed;
}

/** Calls back for every complete message. */
function onFrames(stream: ClientHttp2Stream, onFrame: (message: Buffer) => void): void {
    let data: Buffer = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
        data = data.length === 0 ? chunk : Buffer.concat([data, chunk]);
        let at = 0;
        while (at + 5 <= data.length && at + 5 + data.readUInt32BE(at + 1) <= data.length) {
            const end = at + 5 + data.readUInt32BE(at + 1);
            onFrame(data.subarray(at + 5, end));
            at = end;
        }
        data = data.subarray(at);
    });
}
