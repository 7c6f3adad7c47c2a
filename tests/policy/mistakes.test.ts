import { describe, expect, it } from "vitest";
import { readLab } from "../../stacks/config";
import { type Draft, lab } from "../lab/labs";
import { ask, labComponent, type Sent } from "./asking";

/** A mistake of a public lab, document or default, and the policy that finds it. */
interface Mistake {
    readonly where: string;
    readonly what: string;
    readonly policy: string;
    /** Id of the rule, or of the policy. */
    readonly id: string;
    readonly change?: (draft: Draft) => void;
    readonly resource?: Sent;
    readonly parameters?: object;
}

const router = ({ routers }: Draft) => routers.router0!;

const mistakes: readonly Mistake[] = [
    {
        where: "examples in VyOS's documentation",
        what: "use AS 65535, which is reserved",
        policy: "as-numbers",
        id: "BGP-ASN-001",
        change: (draft) => {
            router(draft).bgp.asn = 65535;
        },
    },
    {
        where: "contrib/containerlab/service/topo.yaml of Cilium",
        what: "routes by a next hop that is on another link",
        policy: "address-plan",
        id: "ADR-NXT-001",
        change: ({ hosts }) => {
            hosts.client0!.staticRoutes[0]!.via = { kind: "address", address: "10.9.1.1" };
        },
    },
    {
        where: "contrib/containerlab/service/topo.yaml of Cilium",
        what: "takes load-balancer addresses from public space",
        policy: "allowed-address-space",
        id: "ORG-ADR-001",
        parameters: { pools: ["10.0.0.0/8", "fd00::/8"] },
        change: ({ cluster }) => {
            cluster.loadBalancerPools[0]!.blocks[0] = "20.0.10.0/24";
        },
    },
    {
        where: "Cilium's default for cluster-pool",
        what: "has all of 10.0.0.0/8 for pods, whatever else is there",
        policy: "address-plan",
        id: "ADR-OVL-001",
        change: ({ cluster }) => {
            cluster.podCidrs[0] = "10.0.0.0/8";
        },
    },
    {
        where: "hack/test/kind/kind.config of Calico",
        what: "gives pods the addresses of home networks",
        policy: "forbidden-prefixes",
        id: "ORG-ADR-002",
        parameters: { prefixes: { "192.168.0.0/16": "the office" } },
        change: ({ cluster }) => {
            cluster.podCidrs[0] = "192.168.0.0/16";
        },
    },
    {
        where: "public labs with FRR",
        what: "turn RFC 8212 off and filter nothing",
        policy: "required-filters",
        id: "ORG-POL-001",
        parameters: { nodes: ["in"] },
        change: (draft) => {
            delete router(draft).bgp.peerGroups[0]!.settings.families[0]!.prefixListIn;
        },
    },
    {
        where: "frr defaults datacenter",
        what: "holds sessions for 9 s, which a busy machine can be silent for",
        policy: "hold-time",
        id: "ORG-TMR-001",
        parameters: { minimum: 30 },
    },
    {
        where: "the article that single-frr comes from",
        what: "runs netshoot:latest",
        policy: "pinned-images",
        id: "RES-IMG-001",
        resource: {
            type: "docker:index/container:Container",
            name: "client0",
            inputs: { image: "nicolaka/netshoot:latest" },
        },
    },
    {
        where: "FRR in a privileged container",
        what: "gives a routing daemon the machine",
        policy: "needed-privileges",
        id: "RES-PRV-001",
        resource: {
            type: "docker:index/container:Container",
            name: "router0",
            inputs: { image: "quay.io/frrouting/frr:10.5.3", privileged: true },
        },
    },
    {
        where: "a BGP password in a configuration of FRR",
        what: "is shown by every preview",
        policy: "secret-inputs",
        id: "RES-SEC-001",
        resource: {
            type: "bgplab:docker:Frr",
            name: "router0",
            inputs: { config: "router bgp 65000\n neighbor 172.18.0.2 password solo-mode\n" },
        },
    },
    {
        where: "docker network create without --subnet",
        what: "leaves the subnet to Docker, which may take the lab's",
        policy: "planned-subnets",
        id: "RES-NET-001",
        resource: { type: "docker:index/network:Network", name: "mgmt", inputs: { driver: "bridge" } },
    },
];

describe("mistakes that are public", () => {
    it.each(mistakes)("$where: $what", async ({ policy, id, change, resource, parameters = {} }) => {
        const component = labComponent(lab({}, change));
        const resources = resource === undefined ? [component] : [component, resource];
        const found = (await ask(resources, { [policy]: parameters }))[policy] ?? [];
        expect(found.filter((message) => message.startsWith(id)).length, JSON.stringify(found)).toBeGreaterThan(0);
        // The lab as it was before has none.
        const before = await ask([labComponent(lab())]);
        expect(before[policy]).toBeUndefined();
    });

    it("Calico and MetalLB that peer with one router: the second session of every node is refused", async () => {
        const { refused } = readLab({ topology: "calico-metallb-vrf", lab: { vrfs: false } });
        const found = await ask([labComponent(refused!)]);
        expect(found["bgp-sessions"]?.some((message) => message.startsWith("BGP-SES-009"))).toBe(true);
    });
});
