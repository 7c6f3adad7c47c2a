/** What a gobgpd that takes routes holds, in the words of the checks. */

import type { Family, Prefix } from "../../lab/model";
import type { ObservedPath, ObservedSession } from "../../verify/driver";
import type { Sandbox } from "../sandbox/protocol";
import { withApi } from "./gobgp";
import { decode, type GobgpApi, type Message } from "./gobgp-api";

/** Numbers of GoBGP's API (TableType, and RFC 4760's AFI and SAFI). */
const tables = { global: 0, adjacencyIn: 2 } as const;
const families = { ipv4: { afi: 1, safi: 1 }, ipv6: { afi: 2, safi: 1 } } as const;

/** Names of the states of a session, by their numbers (SessionState). */
const states = ["Unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];

/** All sessions of a gobgpd, with the families that they are configured with. */
export async function gobgpSessions(sandbox: Sandbox, namespace: string): Promise<readonly ObservedSession[]> {
    const peers = await withApi(sandbox, namespace, (api) => api.call("ListPeer"));
    return peers.map(({ peer }) => sessionOf(peer as Message));
}

function sessionOf({ conf, state, timers, afiSafis }: Message): ObservedSession {
    const { neighborAddress, peerAsn } = conf as Message;
    const number = Number((state as Message | null)?.sessionState ?? 0);
    const since = Number(
        (((timers as Message | null)?.state as Message | null)?.uptime as Message | null)?.seconds ?? 0,
    );
    const isUp = states[number] === "Established";
    return {
        neighbor: String(neighborAddress),
        // One that may have any AS has the one that the session has found.
        remoteAsn: Number(peerAsn) || Number((state as Message | null)?.peerAsn ?? 0),
        state: states[number] ?? "Unknown",
        families: ((afiSafis ?? []) as readonly Message[]).map(familyOf),
        uptime: isUp ? Math.floor(Date.now() / 1_000) - since : 0,
    };
}

function familyOf({ config }: Message): Family {
    const { afi } = (config as Message).family as Message;
    return Number(afi) === families.ipv6.afi ? "ipv6" : "ipv4";
}

/** The best path to each prefix. */
export async function gobgpBestPaths(
    sandbox: Sandbox,
    namespace: string,
    family: Family,
): Promise<readonly ObservedPath[]> {
    return withApi(sandbox, namespace, async (api) => {
        const answers = await api.call("ListPath", { tableType: tables.global, family: families[family] });
        return pathsIn(answers)
            .filter(({ path }) => path.best === true)
            .map(({ prefix, path }) => ({ prefix, nextHop: nextHopOf(path), asPath: asPathOf(path) }));
    });
}

/** A best path and who offered it. */
export interface OfferedPath {
    readonly prefix: Prefix;
    readonly nextHop: string;
    /** Address of the neighbor; `<nil>` for a route of the speaker's own. */
    readonly neighbor: string;
}

/** The best paths of all neighbors, in both families. */
export async function gobgpOfferedPaths(api: GobgpApi): Promise<readonly OfferedPath[]> {
    const answers = await Promise.all(
        Object.values(families).map((family) => api.call("ListPath", { tableType: tables.global, family })),
    );
    return pathsIn(answers.flat())
        .filter(({ path }) => path.best === true)
        .map(({ prefix, path }) => ({ prefix, nextHop: nextHopOf(path), neighbor: String(path.neighborIp) }));
}

/**
 * Prefixes that a neighbor sent and the import policy, as it is now, rejects. Routes that went through the own AS are not
 * among them: GoBGP drops those before it asks its policy.
 *
 * @throws Error when there is no such neighbor
 */
export async function gobgpRefused(
    sandbox: Sandbox,
    namespace: string,
    neighbor: string,
    family: Family,
): Promise<readonly Prefix[]> {
    return withApi(sandbox, namespace, async (api) => {
        const answers = await api.call("ListPath", {
            tableType: tables.adjacencyIn,
            name: neighbor,
            family: families[family],
            enableFiltered: true,
        });
        return pathsIn(answers)
            .filter(({ path }) => path.filtered === true)
            .map(({ prefix }) => prefix);
    });
}

function pathsIn(answers: readonly Message[]): readonly { readonly prefix: string; readonly path: Message }[] {
    return answers.flatMap(({ destination }) => {
        const { prefix, paths = [] } = destination as Message;
        return (paths as readonly Message[]).map((path) => ({ prefix: String(prefix), path }));
    });
}

/** An attribute of a path by the name of its message; nothing when the path has none of it. */
function attribute({ pattrs = [] }: Message, name: string): Message | undefined {
    const found = (pattrs as readonly { readonly typeUrl: string; readonly value: Uint8Array }[]).find(({ typeUrl }) =>
        typeUrl.endsWith(`.${name}`),
    );
    return found && decode(name, found.value);
}

/** The next hop of IPv6 routes is in an attribute of its own (RFC 4760 §3), a link-local one maybe after it. */
function nextHopOf(path: Message): string {
    const [ofFamily] = (attribute(path, "MpReachNLRIAttribute")?.nextHops ?? []) as readonly string[];
    return ofFamily ?? String(attribute(path, "NextHopAttribute")?.nextHop ?? "");
}

function asPathOf(path: Message): readonly number[] {
    const segments = (attribute(path, "AsPathAttribute")?.segments ?? []) as readonly Message[];
    return segments.flatMap(({ numbers }) => numbers as readonly number[]);
}
