import type { Family } from "../../lab/model";
import { isBefore } from "../../lab/releases";
import type { ObservedSession } from "../../verify/driver";

/** Cilium's own client, by version: what it is called, and how it prints the peers of the agent's speakers as JSON. */
function client(version: string): string {
    if (isBefore(version, 1, 15)) {
        return "cilium bgp peers -o json";
    }
    return isBefore(version, 1, 20) ? "cilium-dbg bgp peers -o json" : "cilium-dbg shell -- bgp/peers --format json";
}

/**
 * The command that asks the agent of a node. It runs in the node's container, in the agent's file system: an exec by way of
 * the API server takes ten times as long.
 *
 * @param version Cilium's
 */
export function agentCommand(version: string): readonly string[] {
    const script = [
        'agent=$(pidof -s cilium-agent) || { echo "no cilium-agent runs on this node" >&2; exit 1; }',
        `exec nsenter --target "$agent" --mount -- ${client(version)}`,
    ];
    return ["sh", "-c", script.join("\n")];
}

/** A capability that a peer announced: encoded (RFC 5492), or taken apart by GoBGP's own JSON. */
interface CapabilityJson {
    readonly capabilities?: string;
    readonly code?: number;
    readonly value?: number;
}

/** A peer as both forms of the output have it. */
interface PeerJson {
    readonly "peer-address"?: string;
    readonly "peer-asn"?: number;
    readonly "session-state"?: string;
    readonly "uptime-nanoseconds"?: number;
    readonly families?: readonly { readonly afi?: string; readonly safi?: string }[] | null;
    readonly "remote-capabilities"?: readonly CapabilityJson[] | null;
}

/** Code of the capability "multiprotocol extensions", and of the AFIs in it (RFC 4760 §8). */
const multiprotocol = 1;
const afis: Readonly<Record<number, Family>> = { 1: "ipv4", 2: "ipv6" };
const unicast = 1;

/** The family that a capability offers; nothing for other capabilities. */
function offeredFamily({ capabilities, code, value }: CapabilityJson): Family | undefined {
    if (capabilities !== undefined) {
        const [octet, , high = 0, low = 0, , safi] = Buffer.from(capabilities, "base64");
        return octet === multiprotocol && safi === unicast ? afis[high * 256 + low] : undefined;
    }
    // GoBGP numbers a family as its AFI and SAFI in one.
    const isUnicast = value !== undefined && value % 65536 === unicast;
    return code === multiprotocol && isUnicast ? afis[Math.floor(value / 65536)] : undefined;
}

/** Families that both ends carry: those that are configured here, and that the peer offers. */
function exchanged(peer: PeerJson): readonly Family[] {
    const configured = (peer.families ?? []).flatMap(({ afi, safi }): Family[] =>
        safi === "unicast" && (afi === "ipv4" || afi === "ipv6") ? [afi] : [],
    );
    const capabilities = peer["remote-capabilities"];
    if (!capabilities || capabilities.length === 0) {
        return configured;
    }
    const offered = capabilities.map(offeredFamily);
    return configured.filter((family) => offered.includes(family));
}

function capitalized(state: string): string {
    return state.charAt(0).toUpperCase() + state.slice(1);
}

/**
 * Sessions of an agent: a list of peers before Cilium 1.20, and since then a list of speakers with their peers.
 *
 * @param output the parsed output of {@link agentCommand}
 */
export function parseAgentSessions(output: unknown): readonly ObservedSession[] {
    const entries = output as readonly (PeerJson | { readonly peers?: readonly PeerJson[] })[];
    const peers = entries.flatMap((entry): readonly PeerJson[] =>
        "peers" in entry ? (entry.peers ?? []) : [entry as PeerJson],
    );
    return peers.flatMap((peer) => {
        const neighbor = peer["peer-address"];
        const state = peer["session-state"] ?? "unknown";
        return neighbor === undefined
            ? []
            : [
                  {
                      neighbor,
                      remoteAsn: peer["peer-asn"] ?? 0,
                      state: capitalized(state),
                      families: exchanged(peer),
                      uptime: state === "established" ? Math.floor((peer["uptime-nanoseconds"] ?? 0) / 1e9) : 0,
                  },
              ];
    });
}
