/**
 * Cilium itself as the judge of what the lab writes: the custom resource definitions and the Helm chart of source trees
 * of its releases. BGP_LAB_CILIUM_SOURCES names such trees, separated by colons; `go mod download -json
 * github.com/cilium/cilium@v1.20.2` makes one and says where. The chart is rendered where helm is on PATH.
 *
 * Of the definitions everything is checked but their rules in CEL, which only an API server evaluates.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { ciliumResources, ciliumValues, type HelmValues } from "../../render/cilium";
import { ciliumTraits } from "../../render/cilium-versions";
import type { KubernetesObject } from "../../render/kubernetes";
import { yamlText } from "../../render/yaml";
import { lab } from "./labs";

const sources = (process.env.BGP_LAB_CILIUM_SOURCES ?? "").split(":").filter((folder) => folder !== "");
const hasHelm = spawnSync("helm", ["version"]).error === undefined;

if (sources.length === 0) {
    console.warn("SKIPPED: custom resources and values are not compared with Cilium: set BGP_LAB_CILIUM_SOURCES");
} else if (!hasHelm) {
    console.warn("SKIPPED: Cilium's chart is not rendered: there is no helm on PATH");
}

/** An OpenAPI schema, as far as definitions use it. */
interface Schema {
    readonly type?: string;
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly additionalProperties?: Schema | boolean;
    readonly items?: Schema;
    readonly required?: readonly string[];
    readonly enum?: readonly unknown[];
    readonly pattern?: string;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly minItems?: number;
    readonly maxItems?: number;
    readonly minLength?: number;
    readonly maxLength?: number;
}

/** Everything that a schema objects to in a value, with the place; fields that it does not know among it. */
function objections(schema: Schema, value: unknown, place: string): readonly string[] {
    const wrong = (problem: boolean, says: string) => (problem ? [`${place} ${says}`] : []);
    const own = [
        ...wrong(schema.enum !== undefined && !schema.enum.includes(value), "is not in the enumeration"),
        ...wrong(schema.type !== undefined && !hasType(schema.type, value), `is no ${schema.type}`),
    ];
    if (typeof value === "string") {
        return [
            ...own,
            ...wrong(schema.pattern !== undefined && !new RegExp(schema.pattern).test(value), "has another form"),
            ...wrong(value.length < (schema.minLength ?? 0), "is too short"),
            ...wrong(value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY), "is too long"),
        ];
    }
    if (typeof value === "number") {
        return [
            ...own,
            ...wrong(value < (schema.minimum ?? Number.NEGATIVE_INFINITY), "is too small"),
            ...wrong(value > (schema.maximum ?? Number.POSITIVE_INFINITY), "is too large"),
        ];
    }
    if (Array.isArray(value)) {
        return [
            ...own,
            ...wrong(value.length < (schema.minItems ?? 0), "has too few items"),
            ...wrong(value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY), "has too many items"),
            ...value.flatMap((item, index) => objections(schema.items ?? {}, item, `${place}[${index}]`)),
        ];
    }
    return typeof value === "object" && value !== null ? [...own, ...inside(schema, value, place)] : own;
}

function inside(schema: Schema, value: object, place: string): readonly string[] {
    const { properties = {}, additionalProperties, required = [] } = schema;
    const missing = required.filter((key) => !(key in value)).map((key) => `${place}.${key} is missing`);
    const fields = Object.entries(value).flatMap(([key, item]) => {
        const known = properties[key] ?? additionalProperties;
        if (typeof known === "object") {
            return objections(known, item, `${place}.${key}`);
        }
        return known === true ? [] : [`${place}.${key} is not known`];
    });
    return [...missing, ...fields];
}

function hasType(type: string, value: unknown): boolean {
    const types: Readonly<Record<string, boolean>> = {
        object: typeof value === "object" && value !== null && !Array.isArray(value),
        array: Array.isArray(value),
        integer: Number.isInteger(value),
        number: typeof value === "number",
        string: typeof value === "string",
        boolean: typeof value === "boolean",
    };
    return types[type] ?? false;
}

/** A custom resource definition. */
interface Definition {
    readonly spec: {
        readonly group: string;
        readonly names: { readonly kind: string };
        readonly versions: readonly {
            readonly name: string;
            readonly served: boolean;
            readonly schema: { readonly openAPIV3Schema: Schema };
        }[];
    };
}

/** The schemas of a source tree, by API version and kind. */
function schemas(source: string): ReadonlyMap<string, Schema> {
    const folder = join(source, "pkg/k8s/apis/cilium.io/client/crds");
    const files = ["v2", "v2alpha1"]
        .map((version) => join(folder, version))
        .filter((version) => existsSync(version))
        .flatMap((version) => readdirSync(version).map((file) => join(version, file)))
        .filter((file) => file.endsWith(".yaml"));
    return new Map(
        files.flatMap((file) => {
            const { spec } = parse(readFileSync(file, "utf8")) as Definition;
            return spec.versions
                .filter(({ served }) => served)
                .map(({ name, schema }): [string, Schema] => [
                    `${spec.group}/${name} ${spec.names.kind}`,
                    schema.openAPIV3Schema,
                ]);
        }),
    );
}

function versionOf(source: string): string {
    const chart = parse(readFileSync(join(source, "install/kubernetes/cilium/Chart.yaml"), "utf8"));
    return (chart as { readonly version: string }).version;
}

/** The objects of the lab that a definition does not take as they are. */
function refused(objects: readonly KubernetesObject[], known: ReadonlyMap<string, Schema>): readonly string[] {
    return objects.flatMap(({ metadata, ...object }) => {
        const kind = `${object.apiVersion} ${object.kind}`;
        const schema = known.get(kind);
        return schema === undefined
            ? [`${kind} is not served`]
            : objections(schema, { metadata: {}, ...object }, `${kind} ${metadata.name}`);
    });
}

describe.runIf(sources.length === 0)("Cilium's source trees", () => {
    it.skip("are not named by BGP_LAB_CILIUM_SOURCES", () => {});
});

describe.each(sources)("Cilium's source tree %s", (source) => {
    const version = versionOf(source);

    it("has definitions that take every custom resource which the lab writes for it, in each API", () => {
        const known = schemas(source);
        const variants = [{}, { exportPodCidr: true, gracefulRestartTime: 0, routingMode: "native" }];
        for (const variant of variants) {
            for (const bgpApi of ciliumTraits(version).bgpApis) {
                const objects = ciliumResources(lab({ ...variant, ciliumVersion: version }), { bgpApi });
                expect(refused(objects, known)).toEqual([]);
                expect(objects.length).toBeGreaterThan(3);
            }
        }
    });

    it("has definitions that object to a session with a field or a time that they do not know", () => {
        const text = JSON.stringify(ciliumResources(lab({ ciliumVersion: version })));
        const broken = text.replaceAll('"holdTimeSeconds":30', '"holdTimeSeconds":1,"holdTime":30');
        expect(broken).not.toBe(text);
        const found = refused(JSON.parse(broken) as readonly KubernetesObject[], schemas(source)).join("\n");
        expect(found).toContain("holdTimeSeconds is too small");
        expect(found).toContain("holdTime is not known");
    });

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

    it.skipIf(!hasHelm)("has a chart that takes the values, and does what they mean", () => {
        const { config, images } = rendered(ciliumValues(lab({ ciliumVersion: version })));
        expect(config).toMatchObject({
            ipam: "kubernetes",
            "routing-mode": "tunnel",
            "enable-bgp-control-plane": "true",
            "kube-proxy-replacement": "false",
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

    it.skipIf(!hasHelm)(
        "has a chart that takes native routing, images of one's own, and the work of kube-proxy",
        () => {
            const planned = lab({ ciliumVersion: version, routingMode: "native", exportPodCidr: true });
            const own = { cilium: "example.org/agent:1", operator: "example.org/operator:2" };
            const { config, images } = rendered(ciliumValues(planned, { images: own, kubeProxyReplacement: true }));
            expect(config).toMatchObject({
                "routing-mode": "native",
                "ipv4-native-routing-cidr": "10.100.0.0/16",
                "ipv6-native-routing-cidr": "fd00:10:255::/48",
                "kube-proxy-replacement": "true",
            });
            expect([...new Set(images)].sort()).toEqual(["example.org/agent:1", "example.org/operator:2"]);
        },
    );
});
