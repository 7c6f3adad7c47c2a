import { familyOf } from "../lab/address";
import type { Family, Prefix } from "../lab/model";
import type { GobgpConfig, GobgpNeighbor } from "../provider/schema";

/**
 * bird.conf (BIRD 2) of a node's speaker: the same sessions, timers and prefixes as the GoBGP configuration, and like it
 * without any import and without any export but the originated prefixes.
 *
 * @throws Error if the speaker is to have neighbors by label or to pass routes on, which is done through GoBGP's API
 */
export function birdConf(config: GobgpConfig): string {
    if (config.transit === true || config.podNeighbors !== undefined) {
        throw new Error(
            "BIRD as the nodes' speaker takes no Pods as neighbors and passes no routes on; use GoBGP, the default",
        );
    }
    const sections = [
        [`router id ${config.routerId};`],
        ["protocol device {", "}"],
        ...originated(config.originated, "ipv4"),
        ...originated(config.originated, "ipv6"),
        ...config.neighbors.map((neighbor) => bgp(config.asn, neighbor)),
    ];
    return sections.map((lines) => `${lines.join("\n")}\n`).join("\n");
}

/** Prefixes of one family as static routes. They stay in BIRD: nothing is written to the kernel's table. */
function originated(prefixes: readonly Prefix[], family: Family): string[][] {
    const own = prefixes.filter((prefix) => familyOf(prefix) === family);
    if (own.length === 0) {
        return [];
    }
    const routes = own.map((prefix) => `    route ${prefix} blackhole;`);
    return [[`protocol static originated_${family} {`, `    ${family};`, ...routes, "}"]];
}

function bgp(asn: number, neighbor: GobgpNeighbor): string[] {
    return [
        `protocol bgp ${protocolName(neighbor.address)} {`,
        `    local as ${asn};`,
        `    neighbor ${neighbor.address} as ${neighbor.remoteAsn};`,
        // A session that BIRD takes for direct carries a link-local next hop as well, which the router would prefer for
        // its kernel routes (RFC 2545 §3). GoBGP sends none, whatever the session. The TTL is the same.
        "    multihop 1;",
        `    hold time ${neighbor.holdTime};`,
        ...keepalive(neighbor),
        `    connect retry time ${neighbor.connectRetry};`,
        // The router connects first: when both ends do at once, FRR 8.4 answers one of the connections with an error. But
        // after a BIRD that was killed, FRR only waits as long as the graceful restart lasts (its state "NSF passive").
        "    connect delay time 5;",
        "    error wait time 1, 5;",
        ...gracefulRestart(neighbor.gracefulRestartTime),
        ...neighbor.families.flatMap(channel),
        "}",
    ];
}

/** BIRD's names have neither dots nor colons. */
function protocolName(address: string): string {
    return `peer_${address.replace(/[.:]/g, "_")}`;
}

/**
 * GoBGP sends keepalives at a third of the negotiated hold time when they are configured to come later. BIRD keeps the
 * configured proportion instead: equal times would let every session expire.
 */
function keepalive({ holdTime, keepalive: configured }: GobgpNeighbor): string[] {
    return holdTime === 0 ? [] : [`    keepalive time ${Math.min(configured, Math.floor(holdTime / 3))};`];
}

function gracefulRestart(seconds: number): string[] {
    return seconds === 0
        ? ["    graceful restart off;"]
        : ["    graceful restart on;", `    graceful restart time ${seconds};`];
}

function channel(family: Family): string[] {
    return [
        `    ${family} {`,
        "        import none;",
        `        export where proto = "originated_${family}";`,
        "        next hop self;",
        "    };",
    ];
}
