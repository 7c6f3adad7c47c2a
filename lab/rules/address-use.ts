import { contains, overlaps } from "../address";
import type { Lab, Prefix } from "../model";
import { networks, type PlacedNetwork } from "./networks";
import { rule, type Violation } from "./rule";

/** Special-purpose ranges (IANA registries, RFC 6890), by what they mean for a lab. */
const ranges: readonly { readonly use: Use; readonly prefixes: readonly Prefix[]; readonly meaning: string }[] = [
    {
        use: "unusable",
        prefixes: ["0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4"],
        meaning: "reserved: no host may have such an address",
    },
    {
        use: "unusable",
        prefixes: ["::/127", "::ffff:0.0.0.0/96", "ff00::/8"],
        meaning: "reserved: no host may have such an address",
    },
    { use: "link-local", prefixes: ["169.254.0.0/16", "fe80::/10"], meaning: "link-local: routers do not forward it" },
    {
        use: "documentation",
        prefixes: ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"],
        meaning: "reserved for documentation",
    },
    { use: "obsolete", prefixes: ["192.88.99.0/24", "2002::/16"], meaning: "part of 6to4, which is obsolete" },
    { use: "shared", prefixes: ["100.64.0.0/10"], meaning: "shared by providers for carrier-grade NAT" },
    {
        use: "free",
        prefixes: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "fc00::/7", "2001:2::/48"],
        meaning: "private",
    },
];

type Use = "unusable" | "link-local" | "documentation" | "obsolete" | "shared" | "free" | "public";

/** What a network is, by the first range that it touches; it is private only if it lies inside a private range. */
function useOf(prefix: Prefix): { readonly use: Use; readonly meaning: string } {
    const touched = ranges.find(({ use, prefixes }) =>
        prefixes.some((range) => (use === "free" ? contains(range, prefix) : overlaps(range, prefix))),
    );
    return touched ?? { use: "public", meaning: "public address space, which may be another network's" };
}

const privateSpace = "use private space: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8";

/** Loopback, multicast and reserved space carries no hosts. */
export const networksAreUsable = rule({
    id: "ADR-USE-001",
    severity: "error",
    source: "RFC 6890",
    check: (lab) => violations(lab, ({ use }) => use === "unusable"),
});

/** What must be reached through a router cannot be link-local, and IPv6 link-local addresses need an interface beside. */
export const routedNetworksAreNotLinkLocal = rule({
    id: "ADR-USE-002",
    severity: "error",
    source: "RFC 3927 §7; RFC 4291 §2.5.6",
    check: (lab) =>
        violations(lab, ({ use, network }) => use === "link-local" && !(network.kind === "link" && isIpv4(network))),
});

/** Between two routers link-local IPv4 works, as long as nobody beyond needs the addresses. */
export const linksAreNotLinkLocal = rule({
    id: "ADR-USE-003",
    severity: "warning",
    source: "RFC 3927 §7",
    check: (lab) =>
        violations(lab, ({ use, network }) => use === "link-local" && network.kind === "link" && isIpv4(network)),
});

/** Documentation space is for text, not for routers. */
export const networksAreNotForDocumentation = rule({
    id: "ADR-USE-004",
    severity: "warning",
    source: "RFC 5737; RFC 3849; RFC 9637",
    check: (lab) => violations(lab, ({ use }) => use === "documentation"),
});

/** Space that others own cannot be reached from inside the lab, and leaks when the lab meets the world. */
export const networksAreNotPublic = rule({
    id: "ADR-USE-005",
    severity: "warning",
    source: "RFC 1918; RFC 4193",
    check: (lab) => violations(lab, ({ use }) => use === "public"),
});

/** Routers treat 6to4 space in their own way. */
export const networksAreNotObsolete = rule({
    id: "ADR-USE-006",
    severity: "warning",
    source: "RFC 7526; RFC 3056",
    check: (lab) => violations(lab, ({ use }) => use === "obsolete"),
});

/** Carrier space works in a lab, and some clouds use it too. */
export const networksAreNotShared = rule({
    id: "ADR-USE-007",
    severity: "info",
    source: "RFC 6598",
    check: (lab) => violations(lab, ({ use }) => use === "shared"),
});

/** Cluster networks in the space of home and office networks hide them on machines that run both. */
export const clusterAvoidsLanSpace = rule({
    id: "ADR-USE-008",
    severity: "warning",
    source: "RFC 1918",
    *check(lab) {
        for (const { kind, prefix, what, place } of networks(lab)) {
            const isClusters = kind === "pods" || kind === "services" || kind === "pool";
            if (isClusters && overlaps("192.168.0.0/16", prefix)) {
                yield {
                    at: place,
                    says: `${what} is in 192.168.0.0/16, where most home and office networks are`,
                    fix: "use a part of 10.0.0.0/8 that your own network does not use",
                };
            }
        }
    },
});

/** A network with what its range is for. */
interface UsedNetwork {
    readonly use: Use;
    readonly meaning: string;
    readonly network: PlacedNetwork;
}

function* violations(lab: Lab, concerns: (found: UsedNetwork) => boolean): Iterable<Violation> {
    for (const { meaning, network } of usedNetworks(lab).filter(concerns)) {
        yield { at: network.place, says: `${network.what} is ${meaning}`, fix: privateSpace };
    }
}

/** Asked by most rules of this file. */
const usedByLab = new WeakMap<Lab, readonly UsedNetwork[]>();

function usedNetworks(lab: Lab): readonly UsedNetwork[] {
    const used = usedByLab.get(lab) ?? networks(lab).map((network) => ({ network, ...useOf(network.prefix) }));
    usedByLab.set(lab, used);
    return used;
}

function isIpv4({ prefix }: PlacedNetwork): boolean {
    return !prefix.includes(":");
}
