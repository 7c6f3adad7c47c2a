import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Lab, MetalLb } from "../../lab/model";
import { ciliumResources } from "../../render/cilium";
import { fabricSpec, nodeSpec } from "../../render/embedded";
import type { ConfigMap, KubernetesObject } from "../../render/kubernetes";
import { metallbInstallation, metallbResources } from "../../render/metallb";
import { type MetalLbTraits, metallbReleases, metallbTraits } from "../../render/metallb-versions";
import { workloadResources } from "../../render/workload";
import { yamlDocuments } from "../../render/yaml";
import { expectGolden } from "../golden";
import { betaPeer, lab, withBeta, withServices } from "./labs";
import { metallbFileSchema, metallbResource } from "./metallb-schema";
import { layer2, metallbPeer, nodes, service } from "./nodes";

const golden = (name: string) => join(__dirname, "golden", "metallb", name);

const onWorkers = {
    matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn" as const, values: ["master"] }],
};
const bfd = { detectMultiplier: 3, receiveInterval: 300, transmitInterval: 200 };
const both: MetalLb["advertisements"] = [{ kind: "bgp", name: "bgp", pools: ["default"] }, layer2];

/** A lab with all that a version can say. */
function everything(version: string): Lab {
    const isFile = metallbTraits(version).configuration === "config-map";
    return nodes(
        {},
        {
            version,
            advertisements: both,
            peers: [
                { ...metallbPeer, ebgpMultihop: true, nodeSelector: onWorkers },
                { ...metallbPeer, name: "second", peerAddress: "10.0.0.252", ...(isFile ? {} : { bfd }) },
            ],
        },
    );
}

function fileOf(objects: readonly KubernetesObject[]): unknown {
    const [{ data }] = objects as readonly [ConfigMap];
    return parse(Object.values(data)[0]!);
}

function speakerConfig(of: Lab, node = "node1"): string {
    const { metallb } = nodeSpec(of, node).speakers;
    return metallb?.kind === "frr" ? metallb.config : "";
}

/** The prefixes that a node's speaker announces. */
function announced(of: Lab, node = "node1"): readonly string[] {
    return [...speakerConfig(of, node).matchAll(/^ +network (\S+)$/gm)].map((match) => match[1]!);
}

describe("MetalLB's configuration", () => {
    it.each(["0.8.3", "0.12.1", "0.13.12", "0.14.9", "0.15.3", "0.16.1"])("for %s is the golden one", (version) => {
        const { values } = metallbInstallation(everything(version))!;
        expectGolden(golden(`${version}.yaml`), yamlDocuments([...metallbResources(everything(version)), values]));
    });

    it.each(["0.13.12", "0.14.3", "0.14.9", "0.15.3", "0.16.1"])(
        "for %s has only what the speaker takes",
        (version) => {
            const plain = nodes({}, { version, ignoreExcludeLabel: false });
            const { speaker, frrk8s } = metallbInstallation(plain)!.values;
            const isNative = !speaker.frr.enabled && frrk8s?.enabled !== true;
            expect(isNative).toBe(version !== "0.16.1");
            for (const object of metallbResources(plain)) {
                metallbResource(version, isNative ? "native" : "frr").parse(object);
            }
            for (const object of metallbResources(everything(version))) {
                metallbResource(version, "frr").parse(object);
            }
        },
    );

    it.each(["0.8.3", "0.9.6", "0.11.0", "0.12.1"])(
        "for %s is a file with the keys that the version knows",
        (version) => {
            expect(metallbFileSchema(version).parse(fileOf(metallbResources(everything(version))))).toMatchObject({
                peers: [
                    {
                        "peer-address": "10.0.0.254",
                        "node-selectors": [{ "match-expressions": [{ key: expect.any(String) }] }],
                    },
                    { "peer-address": "10.0.0.252" },
                ],
                "address-pools": [
                    { name: "default", protocol: "bgp", addresses: ["10.100.0.0/24"] },
                    { name: "segment", protocol: "layer2", addresses: ["10.0.0.200-10.0.0.210"] },
                ],
            });
        },
    );

    it("is refused by the schema with a time that MetalLB does not take, or a field of another speaker", () => {
        const slow = nodes({}, { peers: [{ ...metallbPeer, timers: { holdTime: 2, keepalive: 1, connectRetry: 0 } }] });
        const takes = (speaker: "native" | "frr", of: Lab) =>
            metallbResources(of).every((object) => metallbResource("0.16.1", speaker).safeParse(object).success);
        expect(takes("frr", nodes())).toBe(true);
        expect(takes("frr", slow)).toBe(false);
        expect(takes("native", nodes())).toBe(false);
    });

    it("starts FRR only where the native speaker cannot do it: for BFD and IPv6", () => {
        const speaks = (version: string, change: Partial<typeof metallbPeer>) =>
            metallbInstallation(nodes({}, { version, peers: [{ ...metallbPeer, ...change }] }))!.values.speaker.frr;
        expect(speaks("0.15.3", {})).toEqual({ enabled: false });
        expect(speaks("0.15.3", { bfd })).toEqual({ enabled: true });
        expect(speaks("0.15.3", { peerAddress: "fd00::1" })).toEqual({ enabled: true });
        expect(speaks("0.16.1", { bfd })).toEqual({ enabled: false });
    });

    it("starts no FRR where MetalLB has no peer", () => {
        const { values } = metallbInstallation(nodes({}, { peers: [], advertisements: [layer2] }))!;
        expect(values.frrk8s).toEqual({ enabled: false });
    });

    it("announces on labelled nodes by a value of the chart, where the version honours the label", () => {
        const value = (version: string) =>
            metallbInstallation(nodes({}, { version, ignoreExcludeLabel: true }))!.values.speaker.ignoreExcludeLB;
        expect(value("0.16.1")).toBe(true);
        expect(value("0.13.12")).toBeUndefined();
        expect(() => value("0.14.3")).toThrow("use 0.14.4 or newer");
    });

    it("has no advertisement without pools, which MetalLB would read as one of all pools", () => {
        const none: MetalLb["advertisements"] = [{ kind: "bgp", name: "none", pools: [] }];
        expect(metallbResources(nodes({}, { advertisements: none })).map(({ kind }) => kind)).toEqual(["BGPPeer"]);
    });

    it("cannot name a pool's services, announce a pool in two ways or use BFD in a file", () => {
        const of = (change: Partial<MetalLb>) => () => metallbResources(nodes({}, { version: "0.12.1", ...change }));
        const twice: MetalLb["advertisements"] = [...both, { kind: "layer2", name: "more", pools: ["default"] }];
        expect(of({ advertisements: twice })).toThrow("default has bgp and layer2");
        expect(of({ peers: [{ ...metallbPeer, bfd }] })).toThrow(
            "which the native speaker of MetalLB 0.12.1 does not have",
        );
        const some = nodes({}, { version: "0.12.1" });
        const pools = some.cluster.loadBalancerPools.map((pool) => ({ ...pool, serviceSelector: {} }));
        const selecting = { ...some, cluster: { ...some.cluster, loadBalancerPools: pools } };
        expect(() => metallbResources(selecting)).toThrow("default is for some services only");
    });
});

describe("the table of MetalLB's versions", () => {
    it("is in ascending order", () => {
        const order = metallbReleases.map(({ since: [major, minor, patch] }) => (major * 100 + minor) * 100 + patch);
        expect(order).toEqual(order.toSorted((a, b) => a - b));
    });

    const cases: readonly (readonly [string, Partial<MetalLbTraits>])[] = [
        ["0.8.1", { configuration: "config-map", addressRequest: "loadBalancerIP" }],
        ["0.12.0", { configuration: "config-map", addressRequest: "metallb.universe.tf/loadBalancerIPs" }],
        ["0.13.8", { configuration: "custom-resources", serviceAllocation: false }],
        ["0.13.10", { serviceAllocation: true, honoursExcludeLabel: false, connectTime: false }],
        ["0.14.3", { honoursExcludeLabel: true, ignoreExcludeLabel: false }],
        ["0.14.8", { connectTime: true, addressRequest: "metallb.universe.tf/loadBalancerIPs" }],
        ["v0.14.9", { addressRequest: "metallb.io/loadBalancerIPs", speaker: "native" }],
        ["0.16.1", { speaker: "frr-k8s" }],
        ["1.0.0", { speaker: "frr-k8s" }],
    ];

    it.each(cases)("gives %s what it has", (version, traits) => {
        expect(metallbTraits(version)).toMatchObject(traits);
    });

    it.each(["0.7.3", "0.16", "latest"])("does not know %j", (version) => {
        expect(() => metallbTraits(version)).toThrow(/is not known here|is not a version of MetalLB/);
    });
});

describe("a service whose address MetalLB assigns", () => {
    const request = (version: string) => {
        const object = workloadResources(nodes({}, { version })).find((each) => each.kind === "Service");
        const { metadata, spec } = object as Extract<KubernetesObject, { readonly kind: "Service" }>;
        return { ...metadata.annotations, ...(spec.loadBalancerIP === undefined ? {} : { spec: spec.loadBalancerIP }) };
    };

    it.each([
        ["0.8.3", { spec: "10.100.0.0" }],
        ["0.12.1", { "metallb.universe.tf/loadBalancerIPs": "10.100.0.0" }],
        ["0.16.1", { "metallb.io/loadBalancerIPs": "10.100.0.0" }],
    ])("asks %s for it in the version's own way", (version, asked) => {
        expect(request(version)).toEqual(asked);
    });

    it.each(["0.8.3", "0.12.1", "0.13.12", "0.16.1"])("is announced if a pool holds it: by %s", (version) => {
        expect(announced(nodes({}, { version }))).toEqual(["10.100.0.0/32"]);
        const outside = { ...service, loadBalancerAddresses: ["10.101.0.0"] };
        expect(announced(nodes({}, { version }, [outside]))).toEqual([]);
    });

    it("has one address in the specification, and is refused with more", () => {
        const two = { ...service, loadBalancerAddresses: ["10.100.0.0", "10.100.0.1"] };
        expect(() => workloadResources(nodes({}, { version: "0.8.3" }, [two]))).toThrow(
            "has 2 load-balancer addresses",
        );
    });
});

describe("MetalLB's speaker", () => {
    it("with all that it can be told is the golden one", () => {
        expectGolden(golden("speaker.conf"), speakerConfig(everything("0.16.1")));
    });

    it("has the same sessions from a file as from resources", () => {
        expect(
            speakerConfig(nodes({}, { version: "0.8.3" })).replace(" neighbor 10.0.0.254 ebgp-multihop 255\n", ""),
        ).toBe(speakerConfig(nodes()));
    });

    it("has only the peers that select its node", () => {
        const config = speakerConfig(everything("0.16.1"), "master");
        expect(config).toContain("neighbor 10.0.0.252 remote-as 65000");
        expect(config).not.toContain("10.0.0.254");
        const of = nodes({}, { peers: [{ ...metallbPeer, nodeSelector: onWorkers }] });
        expect(nodeSpec(of, "master").speakers).not.toHaveProperty("metallb");
    });

    it("does not announce pools that are only announced on layer 2, or by no one", () => {
        const arp = { ...service, loadBalancerAddresses: ["10.0.0.200"] };
        expect(announced(nodes({}, { advertisements: both }, [service, arp]))).toEqual(["10.100.0.0/32"]);
    });

    it("does not announce a Local service from a node without a pod of it", () => {
        const local = nodes({}, {}, [{ ...service, externalTrafficPolicy: "Local" }]);
        expect([announced(local, "node1"), announced(local, "node2")]).toEqual([["10.100.0.0/32"], []]);
    });

    it.each([
        ["0.16.1", false, []],
        ["0.16.1", true, ["10.100.0.0/32"]],
        ["0.13.12", false, ["10.100.0.0/32"]],
        ["0.8.3", false, ["10.100.0.0/32"]],
    ])("of %s, ignoring the label: %s, announces from a labelled node %j", (version, ignoreExcludeLabel, prefixes) => {
        expect(announced(nodes({}, { version, ignoreExcludeLabel }), "master")).toEqual(prefixes);
    });

    it("is refused two ASes on one node", () => {
        const peers = [metallbPeer, { ...metallbPeer, name: "other", peerAddress: "10.0.0.252", myAsn: 65099 }];
        expect(() => nodeSpec(nodes({}, { peers }), "node1")).toThrow("AS 65001 and 65099");
    });
});

describe("the MetalLB in Cilium", () => {
    const beta = withBeta(lab({ ciliumVersion: "1.16.5" }));
    const speaker = (of: Lab, node = "cilium-bgp-cp-worker") => {
        const { cilium } = nodeSpec(of, node).speakers;
        return cilium?.kind === "gobgp" ? cilium.config : undefined;
    };

    it("speaks with the peers of its file, and announces what the values tell it to", () => {
        expect(speaker(beta)).toEqual({
            asn: 64512,
            routerId: "172.18.0.3",
            neighbors: [
                {
                    address: betaPeer.peerAddress,
                    remoteAsn: 64512,
                    holdTime: 90,
                    keepalive: 30,
                    connectRetry: 1,
                    gracefulRestartTime: 0,
                    families: ["ipv4"],
                },
            ],
            originated: ["10.254.0.10/32", "10.254.0.11/32"],
        });
        const podCidrs = withBeta(lab({ ciliumVersion: "1.16.5" }), {
            announceLoadBalancerIp: false,
            announcePodCidr: true,
        });
        expect(speaker(podCidrs)?.originated).toContain("10.100.1.0/24");
        expect(speaker(podCidrs)?.originated).not.toContain("10.254.0.10/32");
    });

    it("assigns from its own pools only", () => {
        const outside = withServices(beta, (each) => ({ ...each, loadBalancerAddresses: ["10.9.9.9"] }));
        expect(speaker(outside)?.originated).toEqual([]);
    });

    it("reads a file that has the keys of MetalLB 0.10, from which it was made", () => {
        const file = fileOf(ciliumResources(beta));
        expect(metallbFileSchema("0.10.0").parse(file)).toMatchObject({ peers: [{ "my-asn": 64512 }] });
    });
});

describe("layer 2", () => {
    const addresses = Array.from({ length: 8 }, (_, index) => `10.0.0.${200 + index}`);
    const services = addresses.map((address, index) => ({
        ...service,
        name: `web${index}`,
        loadBalancerAddresses: [address],
    }));
    const owners = (change: Partial<MetalLb>, all = services) => {
        const { namespaces } = fabricSpec(nodes({}, { advertisements: [layer2], ...change }, all));
        return Object.entries(namespaces).flatMap(([name, spec]) =>
            (spec.addresses.lo ?? [])
                .filter((address) => address.startsWith("10.0.0."))
                .map((address) => [address.slice(0, -"/32".length), name] as const),
        );
    };

    it("has one owner per address, and not the same one for all", () => {
        expect(
            owners({})
                .map(([address]) => address)
                .toSorted(),
        ).toEqual(addresses);
        expect(new Set(owners({}).map(([, name]) => name)).size).toBeGreaterThan(1);
    });

    it("leaves out nodes that the label keeps out, without moving what others own", () => {
        const before = new Map(owners({}));
        const after = owners({ ignoreExcludeLabel: false });
        expect(after.map(([, name]) => name)).not.toContain("master");
        expect(
            after.filter(([address, name]) => before.get(address) !== name && before.get(address) !== "master"),
        ).toEqual([]);
    });

    it("puts a Local service on a node with a pod of it", () => {
        const local = services.map((each) => ({ ...each, externalTrafficPolicy: "Local" as const }));
        expect(new Set(owners({}, local).map(([, name]) => name))).toEqual(new Set(["node1"]));
    });

    it("has no owner without an advertisement", () => {
        expect(owners({ advertisements: [{ kind: "bgp", name: "bgp", pools: ["segment"] }] })).toEqual([]);
    });
});
