import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatFindings, isError } from "../../lab/rules/findings";
import { sessions } from "../../lab/sessions";
import { predict } from "../../routing/predict";
import { offered } from "../../routing/prediction";
import { readLab } from "../../stacks/config";
import { planIbgpFrr, schema } from "../../stacks/ibgp-frr";

const plan = (parameters: object = {}) => planIbgpFrr(schema.parse(parameters));
const errors = (parameters: object) =>
    formatFindings(readLab({ topology: "ibgp-frr", lab: parameters }).findings.filter(isError));

describe("ibgp-frr with its defaults", () => {
    const lab = plan();

    it("has the article's addresses", () => {
        const owned = Object.entries({ ...lab.routers, ...lab.hosts, ...lab.cluster.nodes }).map(
            ([name, { interfaces }]) => [name, ...interfaces.flatMap(({ addresses }) => addresses)],
        );
        expect(owned).toEqual([
            ["bgp-router1", "192.168.1.1/24", "192.168.10.1/24"],
            ["k8s-control", "192.168.10.233/24", "192.168.1.5/24"],
            ["k8s-ibgp-control-plane", "192.168.1.10/24"],
            ["k8s-ibgp-worker", "192.168.1.21/24"],
            ["k8s-ibgp-worker2", "192.168.1.22/24"],
            ["k8s-ibgp-worker3", "192.168.1.23/24"],
            ["k8s-ibgp-worker4", "192.168.1.24/24"],
            ["k8s-ibgp-worker5", "192.168.1.25/24"],
        ]);
    });

    it("has the article's router: one AS, sessions from enp7s0, next-hop-self, and no policy required", () => {
        const { asn, routerId, defaults, ebgpRequiresPolicy, neighbors, families } = lab.routers["bgp-router1"]!.bgp;
        expect([asn, routerId, defaults, ebgpRequiresPolicy]).toEqual([64512, "192.168.1.1", "traditional", false]);
        expect(families).toEqual([{ family: "ipv4", redistribute: [], networks: [] }]);
        expect(
            neighbors.map(({ address, remoteAsn, session }) => [
                address,
                remoteAsn,
                session.kind === "own" && session.settings.updateSource,
                session.kind === "own" && session.settings.families,
            ]),
        ).toEqual(
            ["10", "21", "22", "23", "24", "25"].map((host) => [
                `192.168.1.${host}`,
                64512,
                "enp7s0",
                [{ family: "ipv4", nextHopSelf: true }],
            ]),
        );
    });

    it("has the article's workload behind the first address of its pool", () => {
        const [service] = lab.cluster.services;
        expect([service!.name, service!.selector, service!.loadBalancerAddresses]).toEqual([
            "web1-lb",
            { svc: "web1-lb" },
            ["172.16.10.0"],
        ]);
        expect(lab.cluster.workloads.map(({ kind, name, labels }) => [kind, name, labels])).toEqual([
            ["Deployment", "web1", { svc: "web1-lb" }],
        ]);
    });

    it("asks over HTTP from the client and from the router, and expects no answer to ping or another port", () => {
        expect(
            lab.checks.map((check) => [check.from, check.kind, check.kind === "silence" ? check.probe.kind : "http"]),
        ).toEqual([
            ["k8s-control", "service", "http"],
            ["k8s-control", "silence", "ping"],
            ["k8s-control", "silence", "tcp"],
            ["bgp-router1", "service", "http"],
            ["bgp-router1", "silence", "ping"],
            ["bgp-router1", "silence", "tcp"],
        ]);
    });

    it("tunnels between nodes, and keeps pods out of the router's table", () => {
        expect(lab.cluster.cilium).toMatchObject({ routingMode: "tunnel", hubble: { relay: true, ui: true } });
        expect(lab.cluster.cilium!.bgp.map(({ exportPodCidr }) => exportPodCidr)).toEqual([false]);
    });
});

describe("ciliumBgp of ibgp-frr", () => {
    it("metallb gives every node the router as the peer of Cilium's MetalLB", () => {
        const { bgp, metallbBgp } = plan({ ciliumBgp: "metallb", ciliumVersion: "1.10.5" }).cluster.cilium!;
        expect(bgp).toEqual([]);
        expect(metallbBgp).toMatchObject({ announceLoadBalancerIp: true, announcePodCidr: false });
        expect(metallbBgp!.peers.map(({ peerAddress, peerAsn, myAsn }) => [peerAddress, peerAsn, myAsn])).toEqual([
            ["192.168.1.1", 64512, 64512],
        ]);
        expect(errors({ ciliumBgp: "metallb", ciliumVersion: "1.10.5" })).toBe("");
    });

    it("is metallb with the versions of the article, and the control plane otherwise", () => {
        expect(plan({ versions: "article" }).cluster.cilium).toMatchObject({ version: "1.10.5", bgp: [] });
        expect(plan().cluster.cilium!.metallbBgp).toBeUndefined();
    });

    it("makes no difference to what the router settles on", () => {
        const [controlPlane, metallb] = [plan(), plan({ ciliumBgp: "metallb", ciliumVersion: "1.16.5" })].map(predict);
        expect(metallb!.devices["bgp-router1"]).toEqual(controlPlane!.devices["bgp-router1"]);
        expect(metallb!.sessions).toEqual(controlPlane!.sessions);
    });
});

/** What the article's router answered to `ip route` and `show bgp summary` once the service was there. */
const article = {
    routes: `
172.16.10.0 proto bgp metric 20
nexthop via 192.168.1.10 dev enp7s0 weight 1
nexthop via 192.168.1.21 dev enp7s0 weight 1
nexthop via 192.168.1.22 dev enp7s0 weight 1
nexthop via 192.168.1.23 dev enp7s0 weight 1
nexthop via 192.168.1.24 dev enp7s0 weight 1
nexthop via 192.168.1.25 dev enp7s0 weight 1
`,
    summary: `
192.168.1.10 4 64512 445 435 0 0 0 03:36:56 1 0
192.168.1.21 4 64512 446 435 0 0 0 03:36:54 1 0
192.168.1.22 4 64512 445 435 0 0 0 03:36:56 1 0
192.168.1.23 4 64512 445 435 0 0 0 03:36:56 1 0
192.168.1.24 4 64512 446 435 0 0 0 03:36:56 1 0
192.168.1.25 4 64512 445 435 0 0 0 03:36:56 1 0
`,
} as const;

describe("the article's results are predicted", () => {
    const prediction = predict(plan());
    const router = prediction.devices["bgp-router1"]!;

    it("in the kernel: six ways to the service", () => {
        const shown = [...article.routes.matchAll(/nexthop via (\S+) dev (\S+)/g)].map(([, via, dev]) => ({
            via,
            dev,
        }));
        expect(shown).toHaveLength(6);
        expect(router.fib.ipv4["172.16.10.0/32"]).toEqual({ protocol: "bgp", blackhole: false, nextHops: shown });
    });

    it("in the summary: each neighbor up, one prefix received of it, none sent to it", () => {
        const shown = article.summary
            .trim()
            .split("\n")
            .map((line) => line.split(" "))
            .map((cells) => ({
                neighbor: cells[0],
                asn: Number(cells[2]),
                received: Number(cells[9]),
                sent: Number(cells[10]),
            }));
        const paths = Object.values(router.rib.ipv4).flatMap((route) => route.paths);
        const predicted = prediction.sessions
            .filter(({ local, state }) => local === "bgp-router1" && state.up)
            .map(({ remoteAddress }) => ({
                neighbor: remoteAddress,
                asn: 64512,
                received: paths.filter(({ from }) => from === remoteAddress).length,
                sent: offered(prediction, "bgp-router1", remoteAddress, "ipv4").length,
            }));
        expect(predicted).toEqual(shown);
    });

    it("and nothing else: the router learns of no pod and no other network", () => {
        expect(Object.keys(router.rib.ipv4)).toEqual(["172.16.10.0/32"]);
    });
});

describe("ibgp-frr of any size", () => {
    it("is planned without errors, with a session per node, and leaves earlier nodes as they are", () => {
        fc.assert(
            fc.property(
                fc.record({
                    workers: fc.integer({ min: 1, max: 199 }),
                    replicas: fc.integer({ min: 1, max: 20 }),
                    ciliumBgp: fc.constantFrom("controlPlane", "metallb"),
                }),
                (size) => {
                    const chosen = { ...size, ciliumVersion: "1.16.5" };
                    const { lab, findings } = readLab({ topology: "ibgp-frr", lab: chosen });
                    expect(formatFindings(findings.filter(isError))).toBe("");
                    expect(sessions(lab!)).toHaveLength(size.workers + 1);
                    const more = plan({ ...chosen, workers: size.workers + 1 });
                    for (const [name, node] of Object.entries(lab!.cluster.nodes)) {
                        expect(more.cluster.nodes[name]).toEqual(node);
                    }
                },
            ),
            { numRuns: 20 },
        );
    });

    it("tells an identifier that a node has, and what another AS brings, at the parameters that mend it", () => {
        expect(errors({ routerId: "192.168.1.10" })).toMatch(/^error BGP-RID-002 {2}bgp-lab:lab\.routerId$/m);
        const { findings } = readLab({ topology: "ibgp-frr", lab: { nodeAsn: 64513 } });
        const unfiltered = findings.filter(({ id }) => id === "BGP-POL-005").map(({ at }) => at);
        expect(unfiltered).toEqual(["bgp-lab:lab.nodeAsn"]);
    });

    it.each([
        ["a node subnet", { nodeSubnet: "192.168.1.0/28" }, "ADR-CAP-004"],
        ["a client subnet", { clientSubnet: "192.168.10.0/25" }, "ADR-CAP-005"],
        ["a pod CIDR", { podCidr: "10.0.0.0/22", workers: 4 }, "ADR-CAP-002"],
        ["a node's slice", { nodeMask: 28, replicas: 30 }, "ADR-CAP-003"],
    ])("is refused when %s is too small", (_network, parameters, id) => {
        expect(errors(parameters)).toMatch(new RegExp(`^error ${id} `));
        expect(errors(parameters).match(/^error /gm)).toHaveLength(1);
    });
});
