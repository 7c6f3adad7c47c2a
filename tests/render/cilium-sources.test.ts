/**
 * Cilium itself as the judge of what the lab writes: the custom resource definitions and the Helm chart of source trees
 * of its releases. BGP_LAB_CILIUM_SOURCES names such trees, separated by colons; `go mod download -json
 * github.com/cilium/cilium@v1.20.2` makes one and says where. The chart is rendered where helm is on PATH.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { ciliumResources, ciliumValues, type HelmValues } from "../../render/cilium";
import { ciliumTraits } from "../../render/cilium-versions";
import type { KubernetesObject } from "../../render/kubernetes";
import { podNeighborsAnnotation } from "../../render/pod-neighbors";
import { yamlText } from "../../render/yaml";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import { type Definitions, definitions, refused } from "./definitions";
import { lab, withBeta, withCilium, withPools } from "./labs";

const sources = (process.env.BGP_LAB_CILIUM_SOURCES ?? "").split(":").filter((folder) => folder !== "");
const hasHelm = spawnSync("helm", ["version"]).error === undefined;

if (sources.length === 0) {
    console.warn("SKIPPED: custom resources and values are not compared with Cilium: set BGP_LAB_CILIUM_SOURCES");
} else if (!hasHelm) {
    console.warn("SKIPPED: Cilium's chart is not rendered: there is no helm on PATH");
}

/** The definitions of a source tree. */
function schemas(source: string): Definitions {
    const folder = join(source, "pkg/k8s/apis/cilium.io/client/crds");
    const files = ["v2", "v2alpha1"]
        .map((version) => join(folder, version))
        .filter((version) => existsSync(version))
        .flatMap((version) => readdirSync(version).map((file) => join(version, file)));
    return definitions(files.filter((file) => file.endsWith(".yaml")));
}

function versionOf(source: string): string {
    const chart = parse(readFileSync(join(source, "install/kubernetes/cilium/Chart.yaml"), "utf8"));
    return (chart as { readonly version: string }).version;
}

describe.runIf(sources.length === 0)("Cilium's source trees", () => {
    it.skip("are not named by BGP_LAB_CILIUM_SOURCES", () => {});
});

describe.each(sources)("Cilium's source tree %s", (source) => {
    const version = versionOf(source);
    const { bgpApis, kubeProxyValue, policyTimers } = ciliumTraits(version);
    const hasControlPlane = bgpApis.length > 0;
    // How the agent of the release is told that kube-proxy stays or goes, and how pods are reached.
    const [kubeProxy, noKubeProxy] = kubeProxyValue === "words" ? ["disabled", "strict"] : ["false", "true"];
    const [tunnel, native] =
        kubeProxyValue === "words"
            ? [{ tunnel: "vxlan" }, { tunnel: "disabled" }]
            : [{ "routing-mode": "tunnel" }, { "routing-mode": "native" }];

    it.runIf(hasControlPlane)("has definitions that take every custom resource of the lab, in each API", () => {
        const known = schemas(source);
        const variants = [{}, { exportPodCidr: true, gracefulRestartTime: 0, routingMode: "native" }];
        for (const variant of variants) {
            for (const bgpApi of bgpApis) {
                const objects = ciliumResources(lab({ ...variant, ciliumVersion: version }), { bgpApi });
                expect(refused(objects, known)).toEqual([]);
                expect(objects.length).toBeGreaterThan(3);
            }
        }
    });

    it.runIf(hasControlPlane)("has definitions that take neighbors by label, in each API", () => {
        const known = schemas(source);
        for (const bgpApi of bgpApis) {
            const objects = ciliumResources(planPodGateway(schema.parse({ ciliumVersion: version })), { bgpApi });
            expect(JSON.stringify(objects)).toContain(podNeighborsAnnotation);
            expect(refused(objects, known)).toEqual([]);
        }
    });

    it.runIf(ciliumTraits(version).poolField === "blocks")("has definitions that take ranges and selectors", () => {
        const pools = [
            {
                name: "blue",
                blocks: ["20.0.10.0/24", "20.0.11.5-20.0.11.9"],
                serviceSelector: { matchExpressions: [{ key: "color", operator: "In" as const, values: ["blue"] }] },
            },
        ];
        const objects = ciliumResources(withPools(lab({ ciliumVersion: version }), pools));
        expect(JSON.stringify(objects)).toContain('"start":"20.0.11.5","stop":"20.0.11.9"');
        expect(refused(objects, schemas(source))).toEqual([]);
    });

    it.runIf(policyTimers)(
        "has definitions that object to a session with a field or a time that they do not know",
        () => {
            const text = JSON.stringify(ciliumResources(lab({ ciliumVersion: version })));
            const broken = text.replaceAll('"holdTimeSeconds":30', '"holdTimeSeconds":1,"holdTime":30');
            expect(broken).not.toBe(text);
            const found = refused(JSON.parse(broken) as readonly KubernetesObject[], schemas(source)).join("\n");
            expect(found).toContain("holdTimeSeconds is too small");
            expect(found).toContain("holdTime is not known");
        },
    );

    /** Names and values in the configuration of Cilium's agents that the chart makes of values. */
    function rendered(values: HelmValues): { readonly config: HelmValues; readonly images: readonly string[] } {
        const chart = join(source, "install/kubernetes/cilium");
        const { stdout, stderr, status } = spawnSync(
            "helm",
            ["template", "cilium", chart, "--namespace=kube-system", "--kube-version=1.34.0", "--values=-"],
            { input: yamlText(values), encoding: "utf8", maxBuffer: 1 << 26 },
        );
        expect(`${status} ${stderr}`).toMatch(/^0 /);
        const documents = parseAllDocuments(stdout).filter(({ contents }) => contents !== null);
        // A name that is there twice would mean that the chart was told one thing in two ways.
        expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
        const config = documents
            .map(
                (document) =>
                    document.toJS() as { readonly metadata: { readonly name: string }; readonly data?: HelmValues },
            )
            .find(({ metadata }) => metadata.name === "cilium-config")?.data;
        return { config: config ?? {}, images: [...stdout.matchAll(/^ +image: "(.*)"$/gm)].map(([, image]) => image!) };
    }

    it.runIf(hasHelm && hasControlPlane)("has a chart that takes the values, and does what they mean", () => {
        const { config, images } = rendered(ciliumValues(lab({ ciliumVersion: version })));
        expect(config).toMatchObject({
            ipam: "kubernetes",
            ...tunnel,
            "enable-bgp-control-plane": "true",
            "kube-proxy-replacement": kubeProxy,
            "enable-ipv4": "true",
            "enable-ipv6": "true",
            "k8s-require-ipv4-pod-cidr": "true",
            "k8s-require-ipv6-pod-cidr": "true",
            "enable-l7-proxy": "false",
        });
        expect(config["enable-hubble"]).not.toBe("true");
        expect(new Set(images.map((image) => image.replace(/@.*/, "")))).toEqual(
            new Set([`quay.io/cilium/cilium:v${version}`, `quay.io/cilium/operator-generic:v${version}`]),
        );
    });

    it.runIf(hasHelm && hasControlPlane)(
        "has a chart whose Hubble needs no certificates, so that it renders the same each time",
        () => {
            const hubble = withCilium(lab({ ciliumVersion: version }), { hubble: { relay: true, ui: true } });
            const { config, images } = rendered(ciliumValues(hubble));
            expect(config).toMatchObject({ "enable-hubble": "true", "hubble-disable-tls": "true" });
            expect(images.some((image) => image.includes("hubble-relay"))).toBe(true);
            expect(images.some((image) => image.includes("hubble-ui"))).toBe(true);
        },
    );

    it.runIf(hasHelm && ciliumTraits(version).metallb)(
        "has a chart with MetalLB in it, which announces what it is told",
        () => {
            const { config } = rendered(ciliumValues(withBeta(lab({ ciliumVersion: version }))));
            expect(config).toMatchObject({ "bgp-announce-lb-ip": "true" });
            expect(config).not.toHaveProperty("bgp-announce-pod-cidr");
            expect(config["enable-bgp-control-plane"]).not.toBe("true");
            expect(config["kube-proxy-replacement"]).toBe(kubeProxy);
        },
    );

    it.runIf(hasHelm && hasControlPlane)(
        "has a chart that takes native routing, images of one's own, and the work of kube-proxy",
        () => {
            const planned = lab({ ciliumVersion: version, routingMode: "native", exportPodCidr: true });
            const own = { cilium: "example.org/agent:1", operator: "example.org/operator:2" };
            const { config, images } = rendered(ciliumValues(planned, { images: own, kubeProxyReplacement: true }));
            expect(config).toMatchObject({
                ...native,
                "ipv4-native-routing-cidr": "10.100.0.0/16",
                "ipv6-native-routing-cidr": "fd00:10:255::/48",
                "kube-proxy-replacement": noKubeProxy,
            });
            expect([...new Set(images)].sort()).toEqual(["example.org/agent:1", "example.org/operator:2"]);
        },
    );
});
