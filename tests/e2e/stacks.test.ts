/** Every shipped stack, and every form of it that is built differently, on the embedded runtime. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { StackConfig } from "../../stacks/config";
import { stackConfig } from "../stacks/configs";
import { createLab, root } from "./lab";
import { expectVerified } from "./observe";
import { added, tracesOf } from "./traces";

/** A configuration with the name of the test stack that gets it. */
interface Form {
    readonly stack: string;
    readonly config: StackConfig;
}

/** The shipped stack files, in network namespaces whatever they choose. */
const shipped: readonly Form[] = readdirSync(root)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .map((stack) => ({ stack, config: { ...stackConfig(join(root, `Pulumi.${stack}.yaml`)), runtime: "netns" } }));

/** A form of a shipped stack with some of its parameters changed. */
function form(stack: string, name: string, parameters: object): Form {
    const { config } = shipped.find((each) => each.stack === stack)!;
    return { stack: `${stack}-${name}`, config: { ...config, lab: { ...(config.lab as object), ...parameters } } };
}

const forms: readonly Form[] = [
    ...shipped,
    form("leaf-spine", "metallb", { loadBalancer: "metallb" }),
    form("leaf-spine", "silent", { announceServices: false }),
    form("ibgp-frr", "beta", { ciliumBgp: "metallb", ciliumVersion: "1.10.5" }),
    form("calico-metallb-vrf", "configmap", { metallbVersion: "0.8.1" }),
];

function labOf({ stack, config }: Form, purpose: string) {
    const lab = createLab(`${purpose}-${stack}`);
    lab.configure(config as Readonly<Record<string, unknown>>);
    return lab;
}

describe.each(forms)("$stack", (chosen) => {
    const lab = labOf(chosen, "e2e");
    const before = tracesOf(lab);

    afterAll(() => lab.dispose());

    it("comes up verified, is not changed by a second up, and leaves nothing behind", async () => {
        await lab.succeed("up");
        await expectVerified(lab);
        await lab.succeed("up", "--refresh", "--expect-no-changes");
        await lab.succeed("destroy");
        expect(added(before, tracesOf(lab))).toEqual([]);
    });
});

describe("all shipped stacks at once", () => {
    const labs = shipped.map((each) => labOf(each, "together"));

    afterAll(() => Promise.all(labs.map((lab) => lab.dispose())));

    it("do not meet: each is verified while the others run", async () => {
        await Promise.all(labs.map((lab) => lab.succeed("up")));
        for (const lab of labs) {
            await expectVerified(lab);
        }
    });
});

describe("Calico and MetalLB that peer with one router without VRFs", () => {
    const lab = labOf(form("calico-metallb-vrf", "shared", { vrfs: false }), "e2e");
    const before = tracesOf(lab);

    afterAll(() => lab.dispose());

    it("is refused with the reason, and nothing is created", async () => {
        const { code, stdout, stderr } = await lab.run("up");
        expect(code).not.toBe(0);
        expect(stdout + stderr).toContain("RFC 4271 §6.8");
        expect(added(before, tracesOf(lab))).toEqual([]);
    });
});
