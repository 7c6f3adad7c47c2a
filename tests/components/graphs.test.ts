import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { StackConfig } from "../../stacks/config";
import { expectGolden } from "../golden";
import { stackConfig } from "../stacks/configs";
import { type Recorded, type Recording, record, secret, signature } from "./recording";

const root = resolve(__dirname, "../..");
const shipped = readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
const runtimes = ["netns", "docker"] as const;

/** Where a stack is like a shipped one but for some parameters. */
const variants: Readonly<Record<string, { readonly of: string; readonly lab: object; readonly docker?: object }>> = {
    "leaf-spine-vyos": {
        of: "leaf-spine",
        lab: { nos: "vyos", racks: 1, spines: 1 },
        docker: { images: { vyos: "registry.test/vyos:1.4.0" } },
    },
    "leaf-spine-metallb": { of: "leaf-spine", lab: { loadBalancer: "metallb" } },
    "ibgp-frr-metallb": { of: "ibgp-frr", lab: { ciliumBgp: "metallb", ciliumVersion: "1.16.5" } },
    "pod-gateway-router": { of: "pod-gateway", lab: { peering: "router" } },
};

/** Stacks that Docker refuses: its Cilium is no transit router. */
const onlyNetns = new Set(["pod-gateway"]);

function configOf(stack: string): StackConfig {
    const variant = variants[stack];
    const config = stackConfig(join(root, `Pulumi.${variant?.of ?? stack}.yaml`));
    return variant === undefined
        ? config
        : {
              ...config,
              lab: { ...(config.lab as object), ...variant.lab },
              ...(variant.docker === undefined ? {} : { docker: variant.docker }),
          };
}

const stacks = [...shipped, ...Object.keys(variants)];
const cases = stacks.flatMap((stack) =>
    runtimes.filter((runtime) => runtime === "netns" || !onlyNetns.has(stack)).map((runtime) => ({ stack, runtime })),
);

function recordStack(stack: string, runtime: string, preview = false): Recording {
    return record({ stack, preview, config: { ...configOf(stack), runtime } });
}

/** `Kind name` of a resource, and the package of its type where it is not the project's own. */
function label(urn: string): string {
    const [, , types = "", name = ""] = urn.split("::");
    const type = types.slice(types.lastIndexOf("$") + 1).replace(/^(docker:)index\/\w+:/, "$1");
    return `${type.replace("bgplab:index:", "")} ${name}`;
}

/** A resource as the golden files show it: the name first, then only what is not as usual. */
function describeResource(resource: Recorded): string {
    const facts: readonly (readonly [string, readonly string[]])[] = [
        ["depends on", resource.dependencies.map(label)],
        ["deleted with", resource.deletedWith === "" ? [] : [label(resource.deletedWith)]],
        ["provider", resource.provider === "" ? [] : [label(resource.provider)]],
        ["deleted before replaced", resource.deleteBeforeReplace ? ["yes"] : []],
        ["ignores changes of", resource.ignoreChanges],
        ["secret inputs", resource.secretInputs],
        ["secret outputs", resource.secretOutputs],
    ];
    const lines = facts
        .filter(([, values]) => values.length > 0)
        .map(([name, values]) => `    ${name}: ${[...values].sort().join(", ")}\n`);
    return `${label(resource.urn)}\n${lines.join("")}`;
}

/** Properties with every secret in them taken out. */
function withoutSecrets(value: unknown): unknown {
    if (typeof value !== "object" || value === null) {
        return value;
    }
    if ((value as Record<string, unknown>)[signature] === secret) {
        return "secret";
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutSecrets(each)]));
}

/** All resources as a tree, children behind their parents. */
function describeTree(resources: readonly Recorded[], parent = ""): string {
    return resources
        .filter((resource) => resource.parent === parent)
        .sort((a, b) => (label(a.urn) < label(b.urn) ? -1 : 1))
        .map((resource) => {
            const children = describeTree(resources, resource.urn).replace(/^(?=.)/gm, "    ");
            return describeResource(resource) + children;
        })
        .join("");
}

describe("the resources of a lab", () => {
    it.each(cases)(
        "stack $stack on $runtime: types, names, parents, dependencies and secrets",
        ({ stack, runtime }) => {
            const { resources } = recordStack(stack, runtime);
            expectGolden(join(__dirname, "golden", `${stack}.${runtime}.txt`), describeTree(resources));
        },
    );

    it.each(cases)("stack $stack on $runtime: a preview that knows no output names the same", ({ stack, runtime }) => {
        const urns = ({ resources }: Recording) => resources.map(({ urn }) => urn).sort();
        expect(urns(recordStack(stack, runtime, true))).toEqual(urns(recordStack(stack, runtime)));
    });

    it("has passwords and what is made of them only as secrets", () => {
        const { resources } = recordStack("leaf-spine-vyos", "docker");
        const configured = resources.filter(({ urn }) => urn.includes("bgplab:docker:Vyos::"));
        expect(configured.map(({ secretInputs }) => secretInputs)).toEqual([["config"], ["config"]]);
        const plain = JSON.stringify(resources.map(({ inputs }) => withoutSecrets(inputs)));
        expect(plain).toContain("registry.test/vyos:1.4.0");
        expect(plain).not.toMatch(/\$6\$|drawnpassword/);
    });

    it("load the packages of the docker runtime only there", () => {
        expect(recordStack("dev", "netns").packages).toEqual(["@pulumi/pulumi"]);
        expect(recordStack("dev", "docker").packages).toEqual([
            "@pulumi/command",
            "@pulumi/docker",
            "@pulumi/kubernetes",
            "@pulumi/pulumi",
        ]);
    });
});
