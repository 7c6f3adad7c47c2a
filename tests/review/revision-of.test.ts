/** Revisions: what a state of the project makes of a stack. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configOf } from "../../commands/planned";
import { validate } from "../../lab/rules";
import { revisionFormat } from "../../review/revision";
import { revisionOf, revisionOfLab } from "../../review/revision-of";
import { predict } from "../../routing/predict";
import { failureSweep } from "../../routing/sweep";
import { lab as quietLab } from "../lab/labs";
import { restless } from "../routing/labs";
import { revision } from "./revisions";

const root = join(__dirname, "../..");
const stacks = readdirSync(root).flatMap((file) => /^Pulumi\.([\w-]+)\.yaml$/.exec(file)?.[1] ?? []);

describe("the revision of a stack", () => {
    it.each(stacks)("%s, as it is shipped, has its lab, what it settles on, and its files", (stack) => {
        const made = revision(configOf(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8")), stack);
        const { format, lab, outcome, artifacts } = made;
        expect(format).toBe(revisionFormat);
        expect(outcome!.prediction).toEqual(predict(lab!));
        expect(outcome!.failures).toEqual(failureSweep(lab!));
        expect(artifacts.some(({ kind, path }) => kind === "file" && path === "cluster/kind.yaml")).toBe(true);
        // Whatever a check asks for successfully is said to be reached.
        const unreached = new Set(outcome!.reach.filter(({ reason }) => reason).map(({ from, to }) => `${from} ${to}`));
        const asked = lab!.checks
            .filter(({ kind }) => kind !== "silence")
            .map(({ from, address }) => `${from} ${address}`);
        expect(asked.filter((question) => unreached.has(question))).toEqual([]);
        expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    });

    it("that rules refuse still has the lab that was asked for, and what it would settle on", () => {
        const parameters = { workers: 1, replicas: 1, nodeAsn: 65000 };
        const { findings, lab, outcome } = revision({ topology: "single-frr", lab: parameters });
        expect(findings.some(({ severity }) => severity === "error")).toBe(true);
        expect(lab!.cluster.cilium!.bgp[0]!.localAsn).toBe(65000);
        expect(outcome!.prediction.sessions.some(({ state }) => !state.up)).toBe(true);
    });

    it("whose routing does not come to rest says why, and is rendered nevertheless", () => {
        const made = revisionOfLab("test", restless(), "netns");
        expect(made.outcome).toBeUndefined();
        expect(made.unpredicted).toMatch(
            /^routing in test does not come to rest: r2 changes its route to 10\.1\.4\.0\/24/,
        );
        expect(made.artifacts.length).toBeGreaterThan(0);
    });

    it("has no lab where its addresses cannot be read", () => {
        const wrong = quietLab({}, (draft) => {
            draft.routers.router0!.bgp.routerId = "10.0.0.01";
        });
        const findings = validate(wrong);
        const made = revisionOf({ stack: "test", runtime: "netns", findings, lab: wrong });
        expect(made).toEqual({ format: revisionFormat, stack: "test", runtime: "netns", findings, artifacts: [] });
    });
});
