/** Mistakes that were made in public, each with the address where it can be read, and the rule that finds it. */

import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { validate } from "../../lab/rules";
import type { RuntimeName } from "../../lab/rules/rule";
import { fabric } from "./fabric-cases";
import { type Draft, lab } from "./labs";
import { speakerLab } from "./speaker-cases";

interface Mistake {
    readonly what: string;
    readonly seen: string;
    readonly lab: Lab;
    /** Everything that the rules say. */
    readonly found: readonly string[];
    readonly runtime?: RuntimeName;
}

const secondWorker = "cilium-bgp-cp-worker2";

/** A pool on layer 2 beside those of the lab. */
function onLayer2(block: string): Lab {
    return speakerLab({
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "lan", blocks: [block] });
            draft.cluster.metallb!.advertisements.push({ kind: "layer2", name: "l2", pools: ["lan"] });
        },
    });
}

/** The nodes' network of the small lab with other addresses. */
function withNodesIn(draft: Draft, from: string, to: string): void {
    const moved = JSON.parse(JSON.stringify(draft).replaceAll(from, to)) as Draft;
    Object.assign(draft, moved);
}

const mistakes: readonly Mistake[] = [
    {
        what: "a static route of a server goes to the gateway of the server beside",
        seen: "https://github.com/cilium/cilium/blob/v1.20.2/contrib/containerlab/service/topo.yaml",
        lab: lab({}, (draft) => {
            draft.cluster.nodes[secondWorker]!.staticRoutes[3]!.via = { kind: "address", address: "fd00:9:0:2::1" };
        }),
        found: ["ADR-NXT-001"],
    },
    {
        what: "load-balancer pools are public space of others",
        seen: "https://github.com/cilium/cilium/blob/v1.20.2/contrib/containerlab/service/topo.yaml",
        lab: lab({
            pools: [{ name: "default-pool", blocks: ["20.0.10.0/24", "2004::/64"] }],
            services: [{ name: "app-svc-cluster", addresses: ["20.0.10.10", "2004::10"] }],
            importFilter: [
                { prefix: "20.0.10.0/24", le: 32 },
                { prefix: "2004::/64", le: 128 },
            ],
        }),
        found: ["ADR-USE-005"],
    },
    {
        what: "a pod CIDR of /63 has blocks for two nodes, and the lab three",
        seen: "https://github.com/cilium/cilium/blob/v1.20.2/contrib/containerlab/service/topo.yaml",
        lab: lab({}, (draft) => {
            draft.cluster.podCidrs[1] = "fd00:10:255::/63";
        }),
        found: ["ADR-POD-002"],
    },
    {
        what: "a router has AS 65535",
        seen: "https://docs.vyos.io/en/latest/configuration/protocols/bgp.html",
        lab: fabric({ parameters: { spineAsns: [65535, 64602] } }),
        found: ["BGP-ASN-001"],
    },
    {
        what: "the AS numbers of nodes and router are swapped",
        seen: "https://github.com/onedr0p/cluster-template/pull/1862",
        lab: lab({}, (draft) => {
            const instance = draft.cluster.cilium!.bgp[1]!;
            const [own, router] = [instance.localAsn, draft.routers.router0!.bgp.asn];
            instance.localAsn = router;
            for (const neighbor of instance.neighbors) {
                neighbor.remoteAsn = own;
            }
        }),
        found: ["BGP-SES-001"],
    },
    {
        what: "Calico's nodes have another AS than the router expects",
        seen: "https://github.com/projectcalico/calico/issues/2961",
        lab: speakerLab({
            change: (draft) => {
                draft.cluster.calico!.asn = 64512;
            },
        }),
        found: ["BGP-SES-001"],
    },
    {
        what: "an advertisement of services has no selector",
        seen: "https://github.com/cilium/cilium/issues/33076",
        lab: fabric({
            change: (draft) => {
                for (const instance of draft.cluster.cilium!.bgp) {
                    instance.serviceSelector = { matchLabels: { color: "blue" } };
                }
            },
        }),
        found: ["CIL-SEL-003"],
    },
    {
        what: "a pool on layer 2 holds the nodes' addresses",
        seen: "https://github.com/metallb/metallb/issues/1397",
        lab: onLayer2("10.0.0.11-10.0.0.13"),
        found: ["MLB-ARP-002"],
    },
    {
        what: "a pool holds a node's address",
        seen: "https://github.com/metallb/metallb/issues/2700",
        lab: speakerLab({
            change: (draft) => {
                draft.cluster.loadBalancerPools.push({ name: "node", blocks: ["10.0.0.11/32"] });
                draft.cluster.metallb!.advertisements[0]!.pools.push("node");
            },
        }),
        found: ["ADR-OVL-001"],
    },
    {
        what: "a pool on layer 2 is in another subnet than the nodes",
        seen: "https://github.com/metallb/metallb/issues/433",
        lab: onLayer2("10.120.50.32-10.120.50.46"),
        found: ["MLB-ARP-001"],
    },
    {
        what: "MetalLB peers with the router that Calico peers with",
        seen: "https://github.com/metallb/metallb/issues/114",
        lab: speakerLab({ parameters: { vrfs: false } }),
        found: ["BGP-SES-009"],
    },
    {
        what: "the pods' network holds that of the nodes",
        seen: "https://github.com/cilium/cilium/issues/42383",
        lab: lab({}, (draft) => withNodesIn(draft, "172.18.", "10.100.")),
        found: ["ADR-OVL-001"],
    },
    {
        what: "the pods' network holds that of the services",
        seen: "https://github.com/cilium/cilium/pull/31543",
        lab: lab({}, (draft) => {
            draft.cluster.serviceCidrs[0] = "10.100.128.0/20";
        }),
        found: ["ADR-OVL-001"],
    },
    {
        what: "pods are where Docker takes its subnets from",
        seen: "https://github.com/openshift/openshift-docs/issues/4209",
        lab: lab({ podCidrs: ["172.17.0.0/16", "fd00:10:255::/48"] }),
        found: ["DKR-NET-001"],
        runtime: "docker",
    },
    {
        what: "a speaker peers with a daemon on its own node",
        seen: "https://github.com/cilium/cilium/issues/28530",
        lab: lab({}, (draft) => {
            const instance = draft.cluster.cilium!.bgp[1]!;
            instance.neighbors.push({ ...instance.neighbors[0]!, address: "10.9.2.2" });
        }),
        found: ["BGP-SES-013"],
    },
];

describe("a mistake that was made in public is found", () => {
    it.each(mistakes)("$what ($seen)", ({ lab: wrong, found, runtime }) => {
        expect([...new Set(validate(wrong, runtime).map(({ id }) => id))]).toEqual(found);
    });
});
