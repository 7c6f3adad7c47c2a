import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatFindings, isError } from "../../lab/rules/findings";
import { readLab } from "../../stacks/config";
import { expectGolden } from "../golden";
import { stackConfig } from "./configs";

const inputs = join(__dirname, "errors");
const names = readdirSync(inputs)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.replace(/\.yaml$/, ""))
    .sort();

/** The number of causes that a broken configuration says it has. */
function causes(name: string): number {
    return Number(/^# causes: (\d+)$/m.exec(readFileSync(join(inputs, `${name}.yaml`), "utf8"))?.[1]);
}

describe("a broken configuration", () => {
    it("comes in many kinds", () => {
        expect(names.length).toBeGreaterThanOrEqual(60);
    });

    it.each(names)("%s is refused with one error per cause, each at its configuration key", (name) => {
        const { lab, findings } = readLab(stackConfig(join(inputs, `${name}.yaml`)));
        const errors = findings.filter(isError);
        expectGolden(join(__dirname, "golden", "errors", `${name}.txt`), formatFindings(errors));
        expect(lab).toBeUndefined();
        expect(errors).toHaveLength(causes(name));
        for (const { at, says, fix, source } of errors) {
            expect(at).toMatch(/^bgp-lab:(topology|runtime|lab|embedded|docker|verify)([.[].*)?$/);
            expect(Math.min(says.length, fix.length, source.length)).toBeGreaterThan(0);
        }
    });

    it("still has the lab that it asks for where rules forbid it, and none where a value is refused for its form", () => {
        const refusedBy = (file: string) => readLab(stackConfig(join(inputs, `${file}.yaml`))).refused;
        expect(refusedBy("calico-pools-overlap")?.cluster.loadBalancerPools).toHaveLength(2);
        expect(refusedBy("asn-text")).toBeUndefined();
        expect(refusedBy("client-subnet-too-small")).toBeUndefined();
    });

    it("has a golden file for every input and no other", () => {
        const golden = readdirSync(join(__dirname, "golden", "errors")).map((file) => file.replace(/\.txt$/, ""));
        expect(golden.sort()).toEqual(names);
    });
});
