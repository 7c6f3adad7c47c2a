import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ciliumResources, ciliumValues } from "../../render/cilium";
import { type BgpApi, ciliumReleases, ciliumTraits } from "../../render/cilium-versions";
import type { KubernetesObject } from "../../render/kubernetes";
import { yamlDocuments, yamlText } from "../../render/yaml";
import { expectGolden } from "../golden";
import { lab, withBeta, withCilium, withInstances, withPools } from "./labs";

const golden = (name: string) => join(__dirname, "golden", "cilium", `${name}.yaml`);

/** Versions whose custom resource definitions were read, with the API that the lab uses for each. */
const versions: readonly (readonly [version: string, api: BgpApi])[] = [
    ["1.13.0", "peering-policy"],
    ["1.14.1", "peering-policy"],
    ["1.15.19", "peering-policy"],
    ["1.16.5", "peering-policy"],
    ["1.17.0", "peering-policy"],
    ["1.18.5", "cluster-config"],
    ["1.18.5", "peering-policy"],
    ["1.19.5", "cluster-config"],
    ["1.20.2", "cluster-config"],
];

const seconds = (least: number, most: number) => z.int().min(least).max(most);
const timers = {
    connectRetryTimeSeconds: seconds(1, 2147483647),
    holdTimeSeconds: seconds(3, 65535),
    keepAliveTimeSeconds: seconds(1, 65535),
};
const asn = z.int().min(0).max(4294967295);
const metadata = z.strictObject({ name: z.string().min(1), labels: z.record(z.string(), z.string()).optional() });
const selector = z.strictObject({
    matchLabels: z.record(z.string(), z.string()).optional(),
    matchExpressions: z
        .array(
            z.strictObject({
                key: z.string(),
                operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
                values: z.array(z.string()).optional(),
            }),
        )
        .optional(),
});
const gracefulRestart = z.strictObject({ enabled: z.boolean(), restartTimeSeconds: seconds(1, 4095).optional() });
const family = { afi: z.enum(["ipv4", "ipv6"]), safi: z.literal("unicast") };

/** A kind of custom resource, as far as its definition lets the lab use it. */
function definition<Spec extends z.ZodType>(kind: string, apiVersion: string, spec: Spec) {
    return z.strictObject({ apiVersion: z.literal(apiVersion), kind: z.literal(kind), metadata, spec });
}

function pool(version: string) {
    const cidr = z.strictObject({ cidr: z.union([z.cidrv4(), z.cidrv6()]) });
    const range = z.strictObject({ start: z.union([z.ipv4(), z.ipv6()]), stop: z.union([z.ipv4(), z.ipv6()]) });
    const cidrs = z.array(cidr).min(1);
    const serviceSelector = selector.optional();
    const blocks = z.strictObject({
        blocks: z.array(z.union([cidr, range])).min(1),
        allowFirstLastIPs: z.enum(["Yes", "No"]).optional(),
        serviceSelector,
    });
    const [, minor] = version.split(".").map(Number);
    return definition(
        "CiliumLoadBalancerIPPool",
        minor! >= 18 ? "cilium.io/v2" : "cilium.io/v2alpha1",
        minor! >= 15 ? blocks : z.strictObject({ cidrs, serviceSelector }),
    );
}

function peeringPolicy(version: string) {
    const [, minor] = version.split(".").map(Number);
    const neighbor = {
        peerAddress: z.union([z.cidrv4(), z.cidrv6()]),
        peerASN: asn,
        ...(minor! >= 14 ? { ...timers, gracefulRestart } : {}),
    };
    const families = z.array(z.strictObject(family)).optional();
    return definition(
        "CiliumBGPPeeringPolicy",
        "cilium.io/v2alpha1",
        z.strictObject({
            nodeSelector: selector,
            virtualRouters: z
                .array(
                    z.strictObject({
                        localASN: asn,
                        exportPodCIDR: z.boolean(),
                        serviceSelector: selector.optional(),
                        neighbors: z
                            .array(minor! >= 15 ? z.strictObject({ ...neighbor, families }) : z.strictObject(neighbor))
                            .min(1),
                    }),
                )
                .min(1),
        }),
    );
}

const peer = z.strictObject({
    name: z.string().min(1),
    peerAddress: z.union([z.ipv4(), z.ipv6()]),
    peerASN: asn,
    peerConfigRef: z.strictObject({ name: z.string() }),
});
const instance = z.strictObject({ name: z.string().min(1), localASN: asn.min(1), peers: z.array(peer) });
const clusterConfig = definition(
    "CiliumBGPClusterConfig",
    "cilium.io/v2",
    z.strictObject({ nodeSelector: selector, bgpInstances: z.array(instance).min(1).max(16) }),
);
const peerConfig = definition(
    "CiliumBGPPeerConfig",
    "cilium.io/v2",
    z.strictObject({
        timers: z
            .strictObject(timers)
            .refine(({ keepAliveTimeSeconds, holdTimeSeconds }) => keepAliveTimeSeconds <= holdTimeSeconds),
        gracefulRestart,
        families: z.array(z.strictObject({ ...family, advertisements: selector.optional() })),
    }),
);
const advertisement = definition(
    "CiliumBGPAdvertisement",
    "cilium.io/v2",
    z.strictObject({
        advertisements: z.array(
            z.discriminatedUnion("advertisementType", [
                z.strictObject({ advertisementType: z.literal("PodCIDR") }),
                z.strictObject({
                    advertisementType: z.literal("Service"),
                    service: z.strictObject({ addresses: z.array(z.literal("LoadBalancerIP")).min(1) }),
                    selector: selector.optional(),
                }),
            ]),
        ),
    }),
);

/** Everything that a version of Cilium defines and the lab may use. */
function definitions(version: string, api: BgpApi) {
    const bgp = api === "peering-policy" ? [peeringPolicy(version)] : [clusterConfig, peerConfig, advertisement];
    return z.union([pool(version), ...bgp]);
}

describe("Cilium's custom resources", () => {
    it.each(versions)("for %s with %s are the golden ones", (version, bgpApi) => {
        expectGolden(
            golden(`${version}-${bgpApi}`),
            yamlDocuments(ciliumResources(lab({ ciliumVersion: version }), { bgpApi })),
        );
    });

    it.each(versions)("for %s with %s have only fields that its definitions know", (version, bgpApi) => {
        const variants = [{}, { exportPodCidr: true, gracefulRestartTime: 0 }];
        for (const variant of variants) {
            const resources = ciliumResources(lab({ ciliumVersion: version, ...variant }), { bgpApi });
            expect(z.array(definitions(version, bgpApi)).parse(resources)).toEqual(resources);
        }
    });

    it.each(versions.filter(([version, api]) => version !== "1.18.5" || api === "cluster-config"))(
        "for %s come in its preferred API, %s",
        (version, api) => {
            const kinds = new Set(ciliumResources(lab({ ciliumVersion: version })).map(({ kind }) => kind));
            expect(kinds.has("CiliumBGPPeeringPolicy")).toBe(api === "peering-policy");
            expect(kinds.has("CiliumBGPClusterConfig")).toBe(api === "cluster-config");
        },
    );

    it.each([
        ["1.17.0", "cluster-config"],
        ["1.19.5", "peering-policy"],
    ] as const)("cannot be had for %s with %s", (ciliumVersion, bgpApi) => {
        expect(() => ciliumResources(lab({ ciliumVersion }), { bgpApi })).toThrow(
            `Cilium ${ciliumVersion} has no ${bgpApi} API; it has`,
        );
    });

    it("share peer configurations and advertisements between nodes, however many there are", () => {
        const kinds = (workers: number) => {
            const resources = ciliumResources(lab({ workers }));
            const count = (kind: KubernetesObject["kind"]) => resources.filter((each) => each.kind === kind).length;
            return [count("CiliumBGPClusterConfig"), count("CiliumBGPPeerConfig"), count("CiliumBGPAdvertisement")];
        };
        expect(kinds(2)).toEqual([3, 2, 1]);
        expect(kinds(40)).toEqual([41, 2, 1]);
    });

    it("give peers with other timers a peer configuration of their own", () => {
        const base = lab();
        const slow = withInstances(base, (each) => ({
            ...each,
            neighbors: each.neighbors.map((neighbor) =>
                each.name === "worker2"
                    ? { ...neighbor, timers: { holdTime: 90, keepalive: 30, connectRetry: 120 } }
                    : neighbor,
            ),
        }));
        const names = ciliumResources(slow).flatMap((each) =>
            each.kind === "CiliumBGPPeerConfig" ? [each.metadata.name] : [],
        );
        expect(names).toEqual(["ipv4", "ipv6", "ipv4-2", "ipv6-2"]);
    });

    it("announce nothing without a service selector and without pod CIDRs", () => {
        const silent = withInstances(lab(), ({ serviceSelector: _, ...each }) => each);
        const resources = ciliumResources(silent);
        expect(resources.map(({ kind }) => kind)).not.toContain("CiliumBGPAdvertisement");
        expect(JSON.stringify(resources)).not.toContain("advertisements");
    });

    it("name the ends of a range, and the services of a pool", () => {
        const serviceSelector = { matchLabels: { color: "blue" } };
        const blocks = ["20.0.10.0/24", "20.0.11.5-20.0.11.9"];
        const [pool] = ciliumResources(withPools(lab(), [{ name: "blue", blocks, serviceSelector }]));
        expect(pool).toMatchObject({
            spec: {
                blocks: [{ cidr: "20.0.10.0/24" }, { start: "20.0.11.5", stop: "20.0.11.9" }],
                serviceSelector,
            },
        });
    });

    it("cannot name a range to Cilium 1.14", () => {
        const ranges = withPools(lab({ ciliumVersion: "1.14.1" }), [{ name: "blue", blocks: ["20.0.11.5-20.0.11.9"] }]);
        expect(() => ciliumResources(ranges)).toThrow("Cilium 1.14.1 has pools of prefixes only");
    });

    it("are one ConfigMap for the MetalLB in Cilium, with peers and pools, and nothing of the control plane", () => {
        const beta = ciliumResources(withBeta(lab({ ciliumVersion: "1.16.5" })));
        expectGolden(golden("1.16.5-metallb"), yamlDocuments(beta));
    });

    it("say why there is no MetalLB in Cilium 1.17", () => {
        const beta = withBeta(lab({ ciliumVersion: "1.17.0" }));
        const reason = "Cilium 1.17.0 has no MetalLB in it, which was removed in 1.17";
        expect(() => ciliumResources(beta)).toThrow(reason);
        expect(() => ciliumValues(beta)).toThrow(reason);
    });

    it("quote what older YAML readers take for a truth value", () => {
        expect(yamlDocuments(ciliumResources(lab()))).toContain('allowFirstLastIPs: "Yes"');
    });
});

describe("the table of Cilium's versions", () => {
    it("is in ascending order", () => {
        const order = ciliumReleases.map(({ since: [major, minor] }) => major * 1000 + minor);
        expect(order).toEqual(order.toSorted((a, b) => a - b));
    });

    it.each([
        ["1.14.0", "io.cilium/lb-ipam-ips", "cidrs", "cilium.io/v2alpha1"],
        ["1.15.19", "io.cilium/lb-ipam-ips", "blocks", "cilium.io/v2alpha1"],
        ["1.16.0", "lbipam.cilium.io/ips", "blocks", "cilium.io/v2alpha1"],
        ["1.17.3", "lbipam.cilium.io/ips", "blocks", "cilium.io/v2alpha1"],
        ["1.18.0", "lbipam.cilium.io/ips", "blocks", "cilium.io/v2"],
        ["1.20.2", "lbipam.cilium.io/ips", "blocks", "cilium.io/v2"],
        ["1.21.0-rc.1", "lbipam.cilium.io/ips", "blocks", "cilium.io/v2"],
        ["2.0.0", "lbipam.cilium.io/ips", "blocks", "cilium.io/v2"],
    ])("gives %s the annotation %s and pools with %s in %s", (version, annotation, field, apiVersion) => {
        const { addressAnnotation, poolField, poolApiVersion } = ciliumTraits(version);
        expect([addressAnnotation, poolField, poolApiVersion]).toEqual([annotation, field, apiVersion]);
    });

    it("knows no version before BGP, and no control plane before services", () => {
        expect(() => ciliumTraits("1.9.12")).toThrow("use 1.10.0 or newer");
        expect(() => ciliumResources(lab({ ciliumVersion: "1.12.9" }))).toThrow("use 1.13.0 or newer");
    });

    it.each(["1.20", "latest", "1.x.0", ""])("does not read %j as a version", (text) => {
        expect(() => ciliumTraits(text)).toThrow("is not a version of Cilium");
    });
});

describe("Cilium's Helm values", () => {
    it("of single-frr are the golden ones", () => {
        expectGolden(golden("values"), yamlText(ciliumValues(lab())));
    });

    it("of single-frr without kube-proxy, with images and values of one's own, are the golden ones", () => {
        const installation = {
            images: { cilium: "example.org/cilium:v1.20.2", operator: "example.org/operator:v1.20.2" },
            kubeProxyReplacement: true,
            values: { debug: { enabled: true }, operator: { replicas: 2 } },
        };
        expectGolden(golden("values-own"), yamlText(ciliumValues(lab(), installation)));
    });

    it("of the article's version are the golden ones", () => {
        expectGolden(golden("values-1.14"), yamlText(ciliumValues(lab({ versions: "article" }))));
    });

    it("turn the control plane off where the MetalLB in Cilium speaks, and say what it announces", () => {
        const base = lab({ ciliumVersion: "1.16.5" });
        expect(ciliumValues(withBeta(base))).toMatchObject({
            bgpControlPlane: { enabled: false },
            bgp: { enabled: true, announce: { loadbalancerIP: true, podCIDR: false } },
        });
        expect(ciliumValues(base)).not.toHaveProperty("bgp");
    });

    it("say to Cilium before 1.14 in words who does kube-proxy's work", () => {
        const beta = withBeta(lab({ ciliumVersion: "1.10.5" }));
        expect(ciliumValues(beta)).toMatchObject({ kubeProxyReplacement: "disabled", tunnel: "vxlan" });
        expect(ciliumValues(beta, { kubeProxyReplacement: true }).kubeProxyReplacement).toBe("strict");
        expect(ciliumValues(lab({ ciliumVersion: "1.14.1" })).kubeProxyReplacement).toBe(false);
    });

    it("have Hubble on request, without certificates", () => {
        const hubble = withCilium(lab(), { hubble: { relay: true, ui: false } });
        expect(ciliumValues(hubble).hubble).toEqual({
            enabled: true,
            tls: { enabled: false },
            relay: { enabled: true },
            ui: { enabled: false },
        });
    });

    it.each([
        ["1.14.1", "tunnel", { tunnel: "vxlan" }],
        ["1.14.1", "native", { tunnel: "disabled" }],
        ["1.15.19", "tunnel", { routingMode: "tunnel" }],
        ["1.20.2", "native", { routingMode: "native" }],
    ])("say to Cilium %s in one way that pods are reached by %s", (ciliumVersion, routingMode, said) => {
        const values = ciliumValues(lab({ ciliumVersion, routingMode, exportPodCidr: true }));
        expect({ routingMode: values.routingMode, tunnel: values.tunnel }).toEqual({
            routingMode: undefined,
            tunnel: undefined,
            ...said,
        });
    });

    it("leave images to the chart, which names them by digest, unless the stack has its own", () => {
        expect(ciliumValues(lab())).not.toHaveProperty("image");
        expect(ciliumValues(lab(), { images: { operator: "o:1" } })).toMatchObject({
            operator: { replicas: 1, image: { override: "o:1" } },
        });
    });

    it("tell the agent where the API server is only when there is no kube-proxy", () => {
        expect(ciliumValues(lab())).not.toHaveProperty("k8sServiceHost");
        expect(ciliumValues(lab({ cluster: "blue" }), { kubeProxyReplacement: true })).toMatchObject({
            k8sServiceHost: "blue-control-plane",
            k8sServicePort: 6443,
        });
    });

    it("make the agent serve clients on every link, and pass them on by the link to the pods, without kube-proxy", () => {
        const native = lab({ routingMode: "native", exportPodCidr: true });
        expect(ciliumValues(native, { kubeProxyReplacement: true })).toMatchObject({
            devices: ["eth0", "net0"],
            nodePort: { directRoutingDevice: "net0" },
        });
        const tunnel = ciliumValues(lab(), { kubeProxyReplacement: true });
        expect(tunnel).toMatchObject({ devices: ["eth0", "net0"] });
        expect(tunnel).not.toHaveProperty("nodePort");
        expect(ciliumValues(native)).not.toHaveProperty("devices");
    });

    it("take values of one's own mapping by mapping, lists as a whole, and do not change the lab's", () => {
        const values = { ipam: { operator: { x: 1 } }, extraArgs: ["--a"], hubble: { enabled: true } };
        const merged = ciliumValues(lab(), { values });
        expect(merged).toMatchObject({ ipam: { mode: "kubernetes", operator: { x: 1 } }, extraArgs: ["--a"] });
        expect(merged.hubble).toEqual({ enabled: true });
        expect(ciliumValues(lab()).hubble).toEqual({ enabled: false });
    });

    it("name the networks that are routed natively, in native routing mode only", () => {
        const native = ciliumValues(lab({ routingMode: "native", exportPodCidr: true }));
        expect(native).toMatchObject({ routingMode: "native", ipv4NativeRoutingCIDR: expect.any(String) });
        expect(ciliumValues(lab())).not.toHaveProperty("ipv4NativeRoutingCIDR");
    });
});
