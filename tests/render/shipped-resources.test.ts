/** The resources of MetalLB and Calico that the shipped stacks are made of, in the versions that the lab knows. */

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Lab } from "../../lab/model";
import { calicoResources } from "../../render/calico";
import { metallbInstallation, metallbResources } from "../../render/metallb";
import { readLab, type StackConfig } from "../../stacks/config";
import { stackConfig } from "../stacks/configs";
import { calicoResource } from "./calico-schema";
import { metallbFileSchema, metallbResource } from "./metallb-schema";

const root = resolve(__dirname, "../..");

/** The lab of a shipped stack with some of its parameters changed. */
function shipped(stack: string, parameters: object = {}): Lab {
    const config: StackConfig = stackConfig(join(root, `Pulumi.${stack}.yaml`));
    const { lab, findings } = readLab({ ...config, lab: { ...(config.lab as object), ...parameters } });
    expect(lab, JSON.stringify(findings)).toBeDefined();
    return lab!;
}

/** Checks what the lab's MetalLB and Calico are told. @returns how much that is */
function validate(lab: Lab): number {
    const { metallb, calico } = lab.cluster;
    const ofCalico = calico === undefined ? [] : calicoResources(lab);
    for (const object of ofCalico) {
        calicoResource(calico!.version).parse(object);
    }
    const ofMetalLb = metallb === undefined ? [] : metallbResources(lab);
    for (const object of ofMetalLb) {
        if (object.kind === "ConfigMap") {
            metallbFileSchema(metallb!.version).parse(parse(object.data.config!));
        } else {
            const { speaker, frrk8s } = metallbInstallation(lab)!.values;
            const isNative = !speaker.frr.enabled && frrk8s?.enabled !== true;
            metallbResource(metallb!.version, isNative ? "native" : "frr").parse(object);
        }
    }
    return ofCalico.length + ofMetalLb.length;
}

describe("the shipped stacks", () => {
    const stacks = readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
    const allowed = stacks.filter(
        (stack) => readLab(stackConfig(join(root, `Pulumi.${stack}.yaml`))).lab !== undefined,
    );

    it.each(allowed)("have resources that MetalLB and Calico take: %s", (stack) => {
        const lab = shipped(stack);
        const { metallb, calico } = lab.cluster;
        expect(validate(lab) > 0).toBe(metallb !== undefined || calico !== undefined);
    });

    it.each(["0.8.1", "0.12.1", "0.13.12", "0.14.9", "0.15.3", "0.16.1"])(
        "have resources that MetalLB takes with version %s",
        (metallbVersion) => {
            expect(validate(shipped("calico-metallb-vrf", { metallbVersion }))).toBeGreaterThan(3);
            expect(validate(shipped("leaf-spine", { loadBalancer: "metallb", metallbVersion }))).toBeGreaterThan(0);
        },
    );

    it.each(["3.27.5", "3.31.0", "3.32.1"])("have resources that Calico takes with version %s", (calicoVersion) => {
        expect(validate(shipped("calico-metallb-vrf", { calicoVersion }))).toBeGreaterThan(3);
    });
});
