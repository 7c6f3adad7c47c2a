import { familyOf } from "../address";
import type { Lab, MetalLb, MetalLbPeer } from "../model";
import type { Path } from "../path";
import { isBefore, isOlder, parts } from "../releases";
import { metallbPeers } from "./peers";
import { rule } from "./rule";

/** Not every release can do what is asked of it. */
export const metallbHasFeatures = rule({
    id: "MLB-VER-001",
    severity: "error",
    source: "MetalLB release notes",
    *check(lab) {
        const { metallb } = lab.cluster;
        if (metallb === undefined) {
            return;
        }
        for (const { what, since, at } of [...askedOfPeers(metallb.peers), ...askedOfPools(lab, metallb)]) {
            if (isOlder(metallb.version, since)) {
                yield {
                    at: ["cluster", "metallb", ...at],
                    with: [["cluster", "metallb", "version"]],
                    says: `MetalLB ${metallb.version} has no ${what}`,
                    fix: `use MetalLB ${since.join(".")} or later`,
                };
            }
        }
        yield* withoutSwitch(metallb);
    },
});

/** The MetalLB inside Cilium reads a ConfigMap of that time. */
export const ciliumMetalLbHasFeatures = rule({
    id: "CIL-MLB-003",
    severity: "error",
    source: "Cilium documentation 1.14, BGP (beta)",
    *check({ cluster: { cilium, loadBalancerPools } }) {
        if (cilium?.metallbBgp === undefined) {
            return;
        }
        for (const { what, at } of askedOfPeers(cilium.metallbBgp.peers)) {
            yield {
                at: ["cluster", "cilium", "metallbBgp", ...at],
                says: `the MetalLB inside Cilium has no ${what}`,
                fix: "leave it out, or use Cilium's BGP control plane",
            };
        }
        for (const [index, { name, serviceSelector }] of loadBalancerPools.entries()) {
            if (serviceSelector !== undefined) {
                yield {
                    at: ["cluster", "loadBalancerPools", index, "serviceSelector"],
                    says: `the MetalLB inside Cilium gives addresses of ${name} to any service: it has no pools by selector`,
                    fix: "remove serviceSelector, or use Cilium's BGP control plane",
                };
            }
        }
    },
});

/** What the lab writes was read from the sources of 0.8 and later. */
export const metallbIsKnown = rule({
    id: "MLB-VER-003",
    severity: "error",
    source: "docs/architecture.md",
    *check({ cluster: { metallb } }) {
        if (metallb !== undefined && isBefore(metallb.version, 0, 8)) {
            yield {
                at: ["cluster", "metallb", "version"],
                says: `MetalLB ${metallb.version} is older than what this lab knows (0.8)`,
                fix: "use 0.8 or later",
            };
        }
    },
});

/** MetalLB's own speaker sends keepalives every third of its hold time; only with FRR, which BFD and IPv6 need, or since 0.16, is it told. */
export const nativeKeepaliveIsAThird = rule({
    id: "MLB-TMR-001",
    severity: "error",
    source: "MetalLB, internal/bgp/native",
    *check(lab) {
        const { metallb } = lab.cluster;
        const isNative =
            metallb === undefined || (isBefore(metallb.version, 0, 16) && askedOfPeers(metallb.peers).length === 0);
        for (const { who, peer, place } of isNative ? metallbPeers(lab) : []) {
            const third = Math.floor(peer.timers.holdTime / 3);
            if (peer.timers.keepalive !== third) {
                yield {
                    at: [...place, "timers", "keepalive"],
                    with: [[...place, "timers", "holdTime"]],
                    says: `${who} sends keepalives every ${peer.timers.keepalive} s, but MetalLB's own speaker does so every third of the hold time`,
                    fix: `set keepalive to ${third} s, or use MetalLB 0.16 or later`,
                };
            }
        }
    },
});

/** Something that not every release has. */
interface Asked {
    readonly what: string;
    readonly since: readonly [major: number, minor: number, patch: number];
    /** Place below that of the installation. */
    readonly at: Path;
}

/** First release that is configured by custom resources, and whose speaker may be FRR. */
const customResources = [0, 13, 0] as const;

function askedOfPeers(peers: readonly MetalLbPeer[]): readonly Asked[] {
    return peers.flatMap(({ bfd, ebgpMultihop, peerAddress }, index): Asked[] => [
        ...(bfd === undefined ? [] : [{ what: "BFD", since: customResources, at: ["peers", index, "bfd"] }]),
        ...(ebgpMultihop
            ? [{ what: "multihop sessions", since: customResources, at: ["peers", index, "ebgpMultihop"] }]
            : []),
        ...(familyOf(peerAddress) === "ipv6"
            ? [{ what: "IPv6 peers", since: customResources, at: ["peers", index, "peerAddress"] }]
            : []),
    ]);
}

function askedOfPools({ cluster }: Lab, { advertisements }: MetalLb): readonly Asked[] {
    const selecting = cluster.loadBalancerPools.some(({ serviceSelector }) => serviceSelector !== undefined);
    const twice = advertisements.findIndex(({ kind, pools }) =>
        advertisements.some((other) => other.kind !== kind && other.pools.some((pool) => pools.includes(pool))),
    );
    return [
        ...(selecting ? [{ what: "pools by selector", since: [0, 13, 9] as const, at: ["version"] }] : []),
        ...(twice >= 0
            ? [{ what: "pools that are announced in two ways", since: customResources, at: ["advertisements", twice] }]
            : []),
    ];
}

/** The first releases that left labelled nodes out could not be told otherwise. */
function* withoutSwitch({ version, ignoreExcludeLabel }: MetalLb) {
    const patch = Number(version.split(".")[2]);
    if (ignoreExcludeLabel && parts(version).join(".") === "0.14" && patch < 4) {
        yield {
            at: ["cluster", "metallb", "ignoreExcludeLabel"],
            with: [["cluster", "metallb", "version"]],
            says: `MetalLB ${version} leaves labelled nodes out whether or not it is told to`,
            fix: "use MetalLB 0.14.4 or later",
        };
    }
}
