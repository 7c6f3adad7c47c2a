import { existsSync, mkdirSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import type { Family } from "../../lab/model";
import type { Drift, Sandbox } from "../sandbox/protocol";
import type { GobgpConfig, GobgpNeighbor } from "../schema";
import { connectGobgp, decode, encode, type GobgpApi, gobgpSocket, type Message } from "./gobgp-api";
import {
    applyPolicies,
    noPolicies,
    type Policies,
    parseMark,
    policiesAround,
    policyDifferences,
    readPolicies,
} from "./gobgp-policy";
import { executable } from "./needs";
import { absence, statusOf, untilReady } from "./process";

/** A node's gobgpd: the namespace it runs in and what it is told. */
export interface GobgpSpec {
    readonly namespace: string;
    readonly config: GobgpConfig;
}

/** Numbers of GoBGP's API. */
const afi: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 };
const unicast = 1;
const tables = { global: 0, adjacencyOut: 3 } as const;
const established = 6;
const peerTypes = { internal: 0, external: 1 } as const;

/**
 * Most seconds that a restarted speaker waits for its peers' routes before it offers its own. The routes take much less;
 * but of a family that only one end has there is never an end, and a lab is not to wait for GoBGP's default of 360.
 */
const deferralTime = 5;

/** Milliseconds between SIGTERM and SIGKILL. */
const grace = 1_000;

/** Milliseconds a withdrawal may take to reach the wire before the speaker ends. */
const withdrawalDeadline = 500;

export function gobgpProcess(namespace: string): string {
    return `gobgpd.${namespace}`;
}

/**
 * Starts gobgpd in a namespace and tells it its configuration over its API (a unix socket within the sandbox; nothing
 * but BGP listens on TCP); or changes the running one to what is given. Paths come and go without touching sessions;
 * a neighbor is made anew only when its AS, families or graceful restart change; other timers apply from the next
 * session on. Another AS or router id restarts BGP. Neighbors by label, and what policies know of them, stay as they are.
 *
 * gobgpd itself connects 5 to 10 seconds after it was told a neighbor, but listens at once: let the router connect.
 *
 * @throws Error naming the refused call, or that gobgpd does not start, with the end of its log
 */
export async function applyGobgp(sandbox: Sandbox, { namespace, config }: GobgpSpec): Promise<void> {
    const api = await runningApi(sandbox, namespace);
    try {
        const global = await startBgp(api, config);
        await applyOwnPolicies(api, config, global);
        await applyPaths(api, config, global);
        await applyNeighbors(api, config, global);
    } finally {
        api.close();
    }
}

/**
 * Ends gobgpd so that its peers drop its routes at once. Routes are withdrawn first: with graceful restart and its
 * notification bit (RFC 8538, which Cilium sets) a peer keeps them for the restart time after a Cease as well as after
 * a crash. No error when none runs.
 */
export async function stopGobgp(sandbox: Sandbox, { namespace }: { readonly namespace: string }): Promise<void> {
    // Where none answers there is nobody to withdraw from.
    await withApi(sandbox, namespace, withdrawAll).catch(() => undefined);
    await sandbox.call("stopDaemon", { name: gobgpProcess(namespace), graceMilliseconds: grace });
    rmSync(sandbox.path(gobgpSocket(namespace)), { force: true });
}

/** Differences between what is given and what gobgpd says of itself; empty when there are none. */
export async function inspectGobgp(sandbox: Sandbox, { namespace, config }: GobgpSpec): Promise<readonly Drift[]> {
    const look = async (api: GobgpApi): Promise<readonly Drift[]> => {
        const [global, policies, paths, peers] = await Promise.all([
            readGlobal(api),
            readPolicies(api),
            originated(api),
            readPeers(api),
        ]);
        return [
            ...globalDrift(global, config),
            ...policyDrift(policies, config),
            ...pathDrift(paths, config),
            ...peerDrift(peers, config),
        ];
    };
    // Who answers is alive: the sandbox is asked only about those who do not.
    return withApi(sandbox, namespace, look).catch(async (error: Error) => {
        const status = await statusOf(sandbox, gobgpProcess(namespace));
        return [{ path: "", found: status?.running ? error.message : `gobgpd ${absence(status)}` }];
    });
}

/** A session as gobgpd sees it. */
export interface GobgpPeer {
    readonly address: string;
    readonly remoteAsn: number;
    readonly established: boolean;
    /** Unix time in seconds since which the session is up; 0 when it never was. */
    readonly up: number;
    readonly adminDown: boolean;
    /** Routes received, by family; whether one is used is the import policy's business. */
    readonly received: Readonly<Partial<Record<Family, number>>>;
}

/** All sessions of a gobgpd. */
export async function gobgpPeers(sandbox: Sandbox, namespace: string): Promise<readonly GobgpPeer[]> {
    return withApi(sandbox, namespace, async (api) => (await readPeers(api)).map(peerState));
}

/** A route that gobgpd offers to a peer. */
export interface GobgpRoute {
    readonly prefix: string;
    readonly nextHop: string;
}

/** What gobgpd offers to a peer after its export policy. */
export async function gobgpAdvertised(
    sandbox: Sandbox,
    namespace: string,
    peer: string,
    family: Family,
): Promise<readonly GobgpRoute[]> {
    return withApi(sandbox, namespace, async (api) => {
        const request = { tableType: tables.adjacencyOut, name: peer, family: familyMessage(family) };
        return destinations(await api.call("ListPath", request));
    });
}

/** Whether a node has a gobgpd, be it one that does not answer. */
export function gobgpRuns(sandbox: Sandbox, namespace: string): boolean {
    return existsSync(sandbox.path(gobgpSocket(namespace)));
}

/** Opens the API of a node's gobgpd for the time of one piece of work. @throws Error when none answers */
export async function withApi<T>(sandbox: Sandbox, namespace: string, work: (api: GobgpApi) => Promise<T>): Promise<T> {
    const api = await connectGobgp(sandbox.path(gobgpSocket(namespace)), `gobgpd of ${namespace}`);
    try {
        return await work(api);
    } finally {
        api.close();
    }
}

async function runningApi(sandbox: Sandbox, namespace: string): Promise<GobgpApi> {
    const name = gobgpProcess(namespace);
    const open = () => connectGobgp(sandbox.path(gobgpSocket(namespace)), `gobgpd of ${namespace}`);
    // The shortest way to find a running gobgpd is its socket: a dead one's refuses, a hanging one's takes but is silent.
    const running = await open().then(ifAnswering, () => undefined);
    if (running) {
        return running;
    }
    // One that runs but does not answer (stopped, hanging, or its socket removed) would be taken for the one to start.
    await sandbox.call("stopDaemon", { name, graceMilliseconds: 0 });
    mkdirSync(sandbox.path("/run/gobgp"), { recursive: true });
    rmSync(sandbox.path(gobgpSocket(namespace)), { force: true });
    await sandbox.call("startDaemon", {
        name,
        namespace,
        argv: [
            executable("gobgpd"),
            "--api-hosts",
            `unix://${gobgpSocket(namespace)}`,
            "--pprof-disable",
            "--cpus=1",
            "--log-plain",
        ],
        env: { GOMAXPROCS: "1" },
    });
    return untilReady(sandbox, name, open);
}

async function ifAnswering(api: GobgpApi): Promise<GobgpApi | undefined> {
    try {
        await readGlobal(api);
        return api;
    } catch {
        api.close();
        return undefined;
    }
}

/** What was running before, to be changed: nothing, if BGP was just started. */
interface Before {
    readonly fresh: boolean;
}

async function startBgp(api: GobgpApi, config: GobgpConfig): Promise<Before> {
    const now = await readGlobal(api);
    const same = now.asn === config.asn && now.routerId === config.routerId;
    if (now.asn !== 0 && !same) {
        await api.call("StopBgp");
    }
    if (!same) {
        await api.call("StartBgp", {
            global: {
                asn: config.asn,
                routerId: config.routerId,
                listenPort: 179,
                listenAddresses: ["0.0.0.0", "::"],
                // Of two equal routes the one of the lower router id, as elsewhere, and not the older one.
                routeSelectionOptions: { externalCompareRouterId: true },
            },
        });
    }
    return { fresh: !same };
}

interface GlobalState {
    readonly asn: number;
    readonly routerId: string;
}

async function readGlobal(api: GobgpApi): Promise<GlobalState> {
    const [answer] = await api.call("GetBgp");
    const global = (answer?.global ?? {}) as Partial<GlobalState>;
    return { asn: global.asn ?? 0, routerId: global.routerId ?? "" };
}

function globalDrift(now: GlobalState, config: GobgpConfig): readonly Drift[] {
    if (now.asn === config.asn && now.routerId === config.routerId) {
        return [];
    }
    const found = now.asn === 0 ? "BGP is not started" : `AS ${now.asn} with router id ${now.routerId}`;
    return [{ path: "config.asn", found }];
}

/**
 * Makes the policies as configured. What they know of Pods is left as the peering controller has made it, who may be at work
 * just now, and so are its neighbors.
 */
async function applyOwnPolicies(api: GobgpApi, config: GobgpConfig, { fresh }: Before): Promise<void> {
    const now = fresh ? noPolicies : await readPolicies(api);
    await applyPolicies(api, policiesAround(config, now), now);
}

function policyDrift(now: Policies, config: GobgpConfig): readonly Drift[] {
    return policyDifferences(policiesAround(config, now), now).map((found) => ({ path: "config", found }));
}

/** Whether a neighbor is a Pod that the peering controller has added. */
function isControlled({ podNeighbors = [] }: Pick<GobgpConfig, "podNeighbors">): (peer: Message) => boolean {
    const selectors = new Set(podNeighbors.map(({ name }) => name));
    return (peer) => {
        const mark = parseMark(String(((peer.conf ?? {}) as Message).description ?? ""));
        return mark !== undefined && selectors.has(mark.selector);
    };
}

function familyOf(address: string): Family {
    return address.includes(":") ? "ipv6" : "ipv4";
}

function familyMessage(family: Family): Message {
    return { afi: afi[family], safi: unicast };
}

const attributeUrl = "type.googleapis.com/apipb.";

/** Next hop "unspecified": gobgpd puts the session's own address there, in the session's family. */
const unspecified: Readonly<Record<Family, string>> = { ipv4: "0.0.0.0", ipv6: "::" };

function pathMessage(prefix: string, isWithdraw: boolean): Message {
    const [address = "", length = ""] = prefix.split("/");
    const family = familyOf(prefix);
    const any = (type: string, message: Message) => ({ typeUrl: attributeUrl + type, value: encode(type, message) });
    return {
        nlri: any("IPAddressPrefix", { prefix: address, prefixLen: Number(length) }),
        pattrs: [any("OriginAttribute", { origin: 0 }), any("NextHopAttribute", { nextHop: unspecified[family] })],
        isWithdraw,
        family: familyMessage(family),
    };
}

async function applyPaths(api: GobgpApi, { originated: wanted }: GobgpConfig, { fresh }: Before): Promise<void> {
    const now = fresh ? [] : await originated(api);
    const missing = wanted.filter((prefix) => !now.includes(prefix));
    const surplus = now.filter((prefix) => !wanted.includes(prefix));
    await sendPaths(api, [
        ...missing.map((prefix) => pathMessage(prefix, false)),
        ...surplus.map((prefix) => pathMessage(prefix, true)),
    ]);
}

/** One call for all paths, those that come and those that go. */
async function sendPaths(api: GobgpApi, paths: readonly Message[]): Promise<void> {
    if (paths.length > 0) {
        await api.call("AddPathStream", { tableType: tables.global, paths });
    }
}

/** Prefixes that gobgpd originates. */
async function originated(api: GobgpApi): Promise<readonly string[]> {
    const answers = await Promise.all(
        (["ipv4", "ipv6"] as const).map((family) =>
            api.call("ListPath", { tableType: tables.global, family: familyMessage(family) }),
        ),
    );
    return destinations(answers.flat(), ({ neighborIp }) => isIP(String(neighborIp)) === 0).map(({ prefix }) => prefix);
}

function destinations(
    answers: readonly Message[],
    isMeant: (path: Message) => boolean = () => true,
): readonly GobgpRoute[] {
    return answers.flatMap((answer) => {
        const destination = answer.destination as Message;
        const paths = ((destination.paths ?? []) as readonly Message[]).filter(isMeant);
        return paths.map((path) => ({ prefix: String(destination.prefix), nextHop: nextHopOf(path) }));
    });
}

function nextHopOf(path: Message): string {
    const attributes = (path.pattrs ?? []) as readonly { typeUrl: string; value: Uint8Array }[];
    const nextHop = attributes.find(({ typeUrl }) => typeUrl === `${attributeUrl}NextHopAttribute`);
    return nextHop ? String(decode("NextHopAttribute", nextHop.value).nextHop) : "";
}

function pathDrift(now: readonly string[], { originated: wanted }: GobgpConfig): readonly Drift[] {
    const path = "config.originated";
    return [
        ...wanted.filter((prefix) => !now.includes(prefix)).map((prefix) => ({ path, found: `${prefix} is missing` })),
        ...now
            .filter((prefix) => !wanted.includes(prefix))
            .map((prefix) => ({ path, found: `${prefix} is not wanted` })),
    ];
}

async function readPeers(api: GobgpApi): Promise<readonly Message[]> {
    return (await api.call("ListPeer")).map((answer) => answer.peer as Message);
}

/**
 * A neighbor as gobgpd is told it. What gobgpd would fill in itself is written out: it compares an update with what it
 * has, and drops the session where they differ (internal/pkg/config, NeedsResendOpenMessage).
 *
 * Graceful restart is as Cilium sets it (pkg/bgp/gobgp/conversions.go): with the notification bit, and as a speaker
 * that has just restarted, so that it offers its routes once every peer has sent its own.
 */
function peerMessage(neighbor: GobgpNeighbor, asn: number): Message {
    const enabled = neighbor.gracefulRestartTime > 0;
    return {
        conf: {
            neighborAddress: neighbor.address,
            peerAsn: neighbor.remoteAsn,
            localAsn: asn,
            type: neighbor.remoteAsn === asn ? peerTypes.internal : peerTypes.external,
        },
        transport: { localAddress: unspecified[familyOf(neighbor.address)] },
        timers: {
            config: {
                connectRetry: neighbor.connectRetry,
                holdTime: neighbor.holdTime,
                keepaliveInterval: neighbor.keepalive,
            },
        },
        gracefulRestart: enabled
            ? {
                  enabled,
                  restartTime: neighbor.gracefulRestartTime,
                  deferralTime,
                  notificationEnabled: true,
                  localRestarting: true,
              }
            : {},
        afiSafis: neighbor.families.map((family) => ({
            config: { family: familyMessage(family), enabled: true },
            mpGracefulRestart: { config: { enabled } },
        })),
    };
}

async function applyNeighbors(api: GobgpApi, config: GobgpConfig, { fresh }: Before): Promise<void> {
    const { asn, neighbors } = config;
    const peers = fresh ? [] : await readPeers(api);
    const now = peers.filter((peer) => !isControlled(config)(peer)).map(neighborOf);
    const known = new Map(now.map((peer) => [peer.address, peer]));
    const wanted = new Set(neighbors.map(({ address }) => address));
    await Promise.all([
        ...now.filter(({ address }) => !wanted.has(address)).map(({ address }) => api.call("DeletePeer", { address })),
        ...neighbors.map((neighbor) => applyNeighbor(api, neighbor, asn, known.get(neighbor.address))),
    ]);
}

interface KnownNeighbor extends GobgpNeighbor {
    readonly adminDown: boolean;
}

async function applyNeighbor(
    api: GobgpApi,
    wanted: GobgpNeighbor,
    asn: number,
    now: KnownNeighbor | undefined,
): Promise<void> {
    const request = { peer: peerMessage(wanted, asn) };
    if (!now) {
        await api.call("AddPeer", request);
        return;
    }
    if (now.adminDown) {
        await api.call("EnablePeer", { address: wanted.address });
    }
    if (sessionKey(now) !== sessionKey(wanted)) {
        await api.call("DeletePeer", { address: wanted.address });
        await api.call("AddPeer", request);
    } else if (timersKey(now) !== timersKey(wanted)) {
        await api.call("UpdatePeer", request);
    }
}

/** What a session negotiates when it opens: a change needs a new session. */
function sessionKey(neighbor: GobgpNeighbor): string {
    return JSON.stringify([neighbor.remoteAsn, neighbor.gracefulRestartTime, [...neighbor.families].sort()]);
}

function timersKey(neighbor: GobgpNeighbor): string {
    return JSON.stringify([neighbor.holdTime, neighbor.keepalive, neighbor.connectRetry]);
}

/** A neighbor as gobgpd has it, in the words in which it is given. */
function neighborOf(peer: Message): KnownNeighbor {
    const conf = (peer.conf ?? {}) as Message;
    const timers = ((peer.timers as Message | null)?.config ?? {}) as Message;
    const restart = (peer.gracefulRestart ?? {}) as Message;
    return {
        address: String(conf.neighborAddress),
        remoteAsn: Number(conf.peerAsn),
        holdTime: Number(timers.holdTime),
        keepalive: Number(timers.keepaliveInterval),
        connectRetry: Number(timers.connectRetry),
        gracefulRestartTime: restart.enabled === true ? Number(restart.restartTime) : 0,
        families: familiesOf(peer).map(({ family }) => family),
        adminDown: conf.adminDown === true || Number(((peer.state ?? {}) as Message).adminState) === 1,
    };
}

function familiesOf(peer: Message): readonly { readonly family: Family; readonly state: Message }[] {
    return ((peer.afiSafis ?? []) as readonly Message[]).map((entry) => {
        const family = ((entry.config as Message).family ?? {}) as Message;
        return {
            family: Number(family.afi) === afi.ipv6 ? "ipv6" : "ipv4",
            state: (entry.state ?? {}) as Message,
        };
    });
}

function peerState(peer: Message): GobgpPeer {
    const { address, remoteAsn, adminDown } = neighborOf(peer);
    const state = (peer.state ?? {}) as Message;
    const uptime = ((peer.timers as Message | null)?.state as Message | null)?.uptime as Message | null;
    const received = familiesOf(peer).map(({ family, state: counts }) => [family, Number(counts.received ?? 0)]);
    return {
        address,
        remoteAsn,
        established: Number(state.sessionState) === established,
        up: Number(uptime?.seconds ?? 0),
        adminDown,
        received: Object.fromEntries(received),
    };
}

function peerDrift(peers: readonly Message[], config: GobgpConfig): readonly Drift[] {
    const { neighbors } = config;
    const now = peers.filter((peer) => !isControlled(config)(peer)).map(neighborOf);
    const path = "config.neighbors";
    const foreign = now
        .filter(({ address }) => !neighbors.some((neighbor) => neighbor.address === address))
        .map(({ address }) => ({ path, found: `${address} is not wanted` }));
    const different = neighbors.flatMap((wanted): readonly Drift[] => {
        const peer = now.find(({ address }) => address === wanted.address);
        if (!peer) {
            return [{ path, found: `${wanted.address} is missing` }];
        }
        const changed = sessionKey(peer) !== sessionKey(wanted) || timersKey(peer) !== timersKey(wanted);
        return [
            ...(peer.adminDown ? [{ path, found: `${wanted.address} is shut down` }] : []),
            ...(changed ? [{ path, found: `${wanted.address} is ${JSON.stringify(peer)}` }] : []),
        ];
    });
    return [...foreign, ...different];
}

/**
 * Withdraws all routes, those of Pods by ending their sessions, and waits until the withdrawals went out. gobgpd sends each in an update of its own, or several
 * in one, so they are out when every session has sent updates and sends no more.
 */
async function withdrawAll(api: GobgpApi): Promise<void> {
    const [prefixes, before, peers] = await Promise.all([originated(api), updatesSent(api), readPeers(api)]);
    const pods = peers.map(({ conf }) => conf as Message).filter(({ description }) => parseMark(String(description)));
    await Promise.all(pods.map(({ neighborAddress: address }) => api.call("DeletePeer", { address })));
    const families = new Set(prefixes.map(familyOf));
    const concerned = before.filter((session) => session.families.some((family) => families.has(family)));
    await sendPaths(
        api,
        prefixes.map((prefix) => pathMessage(prefix, true)),
    );
    const deadline = Date.now() + withdrawalDeadline;
    let last = before;
    while (concerned.length > 0 && Date.now() < deadline) {
        await new Promise((next) => setTimeout(next, 5));
        const now = await updatesSent(api);
        const isOut = ({ address, sent }: SentUpdates) => {
            const count = countOf(now, address);
            return count === undefined || (count > sent && count === countOf(last, address));
        };
        if (concerned.every(isOut)) {
            return;
        }
        last = now;
    }
}

interface SentUpdates {
    readonly address: string;
    readonly families: readonly Family[];
    readonly sent: number;
}

function countOf(sessions: readonly SentUpdates[], address: string): number | undefined {
    return sessions.find((session) => session.address === address)?.sent;
}

/** Updates sent so far on each established session. */
async function updatesSent(api: GobgpApi): Promise<readonly SentUpdates[]> {
    const peers = await readPeers(api);
    return peers
        .filter((peer) => peerState(peer).established)
        .map((peer) => {
            const { address, families } = neighborOf(peer);
            const messages = ((peer.state as Message).messages ?? {}) as Message;
            return { address, families, sent: Number(((messages.sent ?? {}) as Message).update ?? 0) };
        });
}
