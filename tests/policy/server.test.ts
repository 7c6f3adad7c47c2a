import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as messages from "@pulumi/pulumi/proto/analyzer_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { policiesForRun } from "../../policy/policies";
import type { StackConfig } from "../../stacks/config";
import { lab } from "../lab/labs";
import { labComponent, type Sent } from "./asking";
import { PackServer, type PolicySetting, type Said } from "./pack-server";
import { registered, shipped, shippedConfig, vyosConfig } from "./recorded";

const config = JSON.parse(readFileSync(join(resolve(__dirname, "../.."), "policy/config.json"), "utf8")) as Readonly<
    Record<string, PolicySetting>
>;

let pack: PackServer;
beforeAll(async () => {
    pack = await PackServer.start();
});
afterAll(() => pack.stop());

/** What a pack of its own says of a run: it remembers the lab, and a pack lives for one run. */
async function analyzeAll(resources: readonly Sent[]): Promise<readonly Said[]> {
    const own = await PackServer.start();
    try {
        await own.configure(config);
        const said: Said[] = [];
        for (const resource of resources) {
            said.push(...(await own.analyze(resource)));
        }
        return said;
    } finally {
        own.stop();
    }
}

/** What is shipped, on a runtime: on a real cluster Pods peer with the router (rule POD-CIL-001). */
function configOn(stack: string, runtime: "netns" | "docker"): StackConfig {
    const config = shippedConfig(stack);
    const isOfPods = runtime === "docker" && config.topology === "pod-gateway";
    return { ...config, runtime, ...(isOfPods ? { lab: { ...(config.lab as object), peering: "router" } } : {}) };
}

const cases = [
    ...shipped.flatMap((stack) =>
        (["netns", "docker"] as const).map((runtime) => ({ stack, config: configOn(stack, runtime) })),
    ),
    { stack: "leaf-spine-vyos", config: { ...vyosConfig, runtime: "docker" } },
].map((each) => ({ ...each, on: each.config.runtime as string }));

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function unknownAt(inputs: object, key: string): object {
    return { ...inputs, [key]: unknown };
}

/** The inputs with all single values of one of them not known. */
function nested(inputs: object, key: string): object {
    const replaced = JSON.stringify(inputs[key as keyof typeof inputs], (_, value: unknown) =>
        typeof value === "object" && value !== null ? value : unknown,
    );
    return { ...inputs, [key]: JSON.parse(replaced) as unknown };
}

describe("the pack behind the SDK's own server", { timeout: 60_000 }, () => {
    it("tells engines all of every policy", async () => {
        const info = await pack.info();
        expect(info.getName()).toBe("bgp-lab");
        const policies = info.getPoliciesList();
        expect(policies.map((each) => each.getName())).toEqual(policiesForRun().map(({ name }) => name));
        for (const each of policies) {
            expect(each.getPolicyType()).toBe(messages.PolicyType.POLICY_TYPE_RESOURCE);
            expect(each.getSeverity(), each.getName()).not.toBe(messages.PolicySeverity.POLICY_SEVERITY_UNSPECIFIED);
            expect(each.getRemediationSteps(), each.getName()).not.toBe("");
        }
        const ranges = policies
            .find((each) => each.getName() === "allowed-asns")
            ?.getConfigschema()
            ?.getProperties();
        expect(ranges?.toJavaScript()).toMatchObject({ ranges: { type: "array" } });
    });

    it.each(cases)(
        "finds nothing but advice in $stack on $on, and never says that it could not run in a preview",
        async ({ stack, config: own }) => {
            // In namespaces an update knows no more inputs than a preview.
            for (const preview of own.runtime === "docker" ? [true, false] : [true]) {
                const said = await analyzeAll(registered(stack, own, preview));
                expect(said.filter(({ level }) => level === "mandatory")).toEqual([]);
                expect(said.filter(({ policy }) => !policy.endsWith("-advice"))).toEqual([]);
                expect(said.map(({ message }) => message).filter((text) => text.includes("can't run"))).toEqual([]);
            }
        },
    );

    it("never says that it could not run, whatever of a resource is not known", async () => {
        const resources = registered("unknown", { ...vyosConfig, runtime: "docker" }, true);
        const kinds = [...new Map(resources.map((resource) => [resource.type, resource])).values()];
        for (const resource of kinds) {
            const without = [...Object.keys(resource.inputs), ...Object.keys(resource.inputs).map((key) => [key, 0])];
            for (const key of without) {
                const inputs = Array.isArray(key)
                    ? nested(resource.inputs, String(key[0]))
                    : unknownAt(resource.inputs, key);
                const said = await pack.analyze({ ...resource, name: `${resource.name} without ${key}`, inputs });
                expect(said.filter(({ message }) => message.includes("can't run"))).toEqual([]);
            }
        }
    });

    it("tells what was secret from what is plain", async () => {
        await pack.configure({});
        const key = "-----BEGIN PRIVATE KEY-----";
        const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: key };
        const named = async (inputs: object) =>
            (await pack.analyze({ type: "a:b:C", name: "c", inputs })).map(({ policy }) => policy);
        expect(await named({ value: secret })).toEqual([]);
        expect(await named({ value: key })).toEqual(["secret-inputs"]);
    });

    it("is configured: levels, parameters, and wrong parameters that stop whatever the level is", async () => {
        const component = labComponent({ ...lab(), name: "configured" });
        await pack.configure({ "allowed-asns": { enforcementLevel: "advisory", ranges: ["64512-65000"] } });
        const said = await pack.analyze(component);
        expect(said).toHaveLength(3);
        expect(said.every(({ policy, level }) => policy === "allowed-asns" && level === "advisory")).toBe(true);
        await pack.configure({ "allowed-asns": { enforcementLevel: "disabled", ranges: ["64512-65000"] } });
        expect(await pack.analyze(component)).toEqual([]);
        await pack.configure({ "allowed-asns": { enforcementLevel: "advisory", ranges: ["65000-64512"] } });
        expect(await pack.analyze(component)).toEqual([
            {
                policy: "allowed-asns",
                level: "mandatory",
                message:
                    'the configuration of the policy is wrong: allowed-asns.ranges[0]: "65000-64512" ends before it' +
                    ' begins\n  fix: write "64512-65000"',
            },
        ]);
    });

    it("has no remedies to offer, and says so without reading a resource", async () => {
        await pack.configure({ "as-numbers": { enforcementLevel: "mandatory" } });
        expect(await pack.remediate(labComponent(lab()))).toBe(0);
    });
});
