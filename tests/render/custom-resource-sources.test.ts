/**
 * MetalLB and Calico themselves as judges of what the lab writes: the custom resource definitions of source trees of their
 * releases. BGP_LAB_METALLB_SOURCES and BGP_LAB_CALICO_SOURCES name such trees, separated by colons, each in a folder whose
 * name ends with its version, such as `metallb-0.16.1`; `git worktree add` makes one. And Cilium's resources as the package
 * `@kubernetes-models/cilium` knows them, where BGP_LAB_CILIUM_MODELS names its folder: it wants Node.js 22.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { calicoResources } from "../../render/calico";
import { ciliumResources } from "../../render/cilium";
import type { KubernetesObject } from "../../render/kubernetes";
import { metallbResources } from "../../render/metallb";
import { metallbTraits } from "../../render/metallb-versions";
import { definitions, refused } from "./definitions";
import { lab, withPools } from "./labs";
import { calicoPeer, layer2, metallbPeer, nodes } from "./nodes";

const trees = (variable: string) => (process.env[variable] ?? "").split(":").filter((folder) => folder !== "");
const metallb = trees("BGP_LAB_METALLB_SOURCES");
const calico = trees("BGP_LAB_CALICO_SOURCES");
const models = process.env.BGP_LAB_CILIUM_MODELS;

for (const [program, missing, variable] of [
    ["MetalLB", metallb.length === 0, "BGP_LAB_METALLB_SOURCES"],
    ["Calico", calico.length === 0, "BGP_LAB_CALICO_SOURCES"],
    ["@kubernetes-models/cilium", models === undefined, "BGP_LAB_CILIUM_MODELS"],
] as const) {
    if (missing) {
        console.warn(`SKIPPED: custom resources are not compared with ${program}: set ${variable}`);
    }
}

function versionOf(source: string): string {
    return source.replace(/^.*-/, "");
}

function yamlFiles(folder: string): readonly string[] {
    return readdirSync(folder)
        .filter((file) => file.endsWith(".yaml") && !/^(kustomization|crd-.*-patch)/.test(file))
        .map((file) => join(folder, file));
}

describe.runIf(metallb.length + calico.length === 0 && models === undefined)("Source trees", () => {
    it.skip("are not named by an environment variable", () => {});
});

describe.each(metallb)("MetalLB's source tree %s", (source) => {
    const known = definitions(yamlFiles(join(source, "config/crd/bases")));
    const version = versionOf(source);
    const selecting = metallbTraits(version).serviceAllocation
        ? { serviceSelector: { matchLabels: { color: "blue" } } }
        : {};

    it("has definitions that take every custom resource which the lab writes for it", () => {
        const bfd = { detectMultiplier: 3, receiveInterval: 300, transmitInterval: 300 };
        const nodeSelector = { matchExpressions: [{ key: "rack", operator: "In" as const, values: ["rack0"] }] };
        const of = nodes(
            {},
            {
                version,
                ignoreExcludeLabel: false,
                peers: [{ ...metallbPeer, bfd, nodeSelector, ebgpMultihop: true }],
                advertisements: [{ kind: "bgp", name: "bgp", pools: ["default"] }, layer2],
            },
        );
        const pools = of.cluster.loadBalancerPools.map((pool) => ({ ...pool, ...selecting }));
        const objects = metallbResources(withPools(of, pools));
        expect(new Set(objects.map(({ kind }) => kind)).size).toBe(5);
        expect(refused(objects, known)).toEqual([]);
    });

    it("has definitions that object to a field that they do not know", () => {
        const text = JSON.stringify(metallbResources(nodes({}, { version, ignoreExcludeLabel: false })));
        const broken = JSON.parse(text.replace('"myASN":65001', '"myASN":"65001","myAsn":1')) as KubernetesObject[];
        const found = refused(broken, known).join("\n");
        expect(found).toContain("myASN is no integer");
        expect(found).toContain("myAsn is not known");
    });
});

describe.each(calico)("Calico's source tree %s", (source) => {
    const known = definitions(yamlFiles(join(source, "libcalico-go/config/crd")));
    const version = versionOf(source);

    it("has definitions that take every custom resource which the lab writes for it", () => {
        const nodeSelector = { matchLabels: { rack: "rack0" } };
        const of = nodes({ version, peers: [{ ...calicoPeer, nodeSelector, gracefulRestartTime: 60 }] });
        expect(refused(calicoResources(of), known)).toEqual([]);
    });

    it("has definitions that object to a field that they do not know", () => {
        const text = JSON.stringify(calicoResources(nodes({ version })));
        const broken = JSON.parse(text.replace('"peerIP"', '"peerAddress"')) as KubernetesObject[];
        expect(refused(broken, known).join("\n")).toContain("peerAddress is not known");
    });
});

/** A model of the package: an object of it knows the definition that it has to meet. */
type Model = new (object: unknown) => { validate(): void };

describe.runIf(models !== undefined)("the package @kubernetes-models/cilium", () => {
    const load = async () => (await import(join(models!, "cilium.io/v2/index.js"))) as Readonly<Record<string, Model>>;

    it("takes every custom resource of Cilium that the lab writes", async () => {
        const kinds = await load();
        for (const object of ciliumResources(lab({ exportPodCidr: true }))) {
            new kinds[object.kind]!(object).validate();
        }
    });

    it("objects to a time that Cilium does not take", async () => {
        const { CiliumBGPPeerConfig } = await load();
        const hasty = ciliumResources(lab()).find(({ kind }) => kind === "CiliumBGPPeerConfig");
        const text = JSON.stringify(hasty).replace('"holdTimeSeconds":30', '"holdTimeSeconds":1');
        expect(() => new CiliumBGPPeerConfig!(JSON.parse(text)).validate()).toThrow("holdTimeSeconds must be >= 3");
    });
});
