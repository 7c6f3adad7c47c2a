import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { router } from "../../provider/resources/router";
import { planDiff } from "../../provider/server";

describe("the provider", () => {
    it("ends with its engine, of which only the closed standard input tells when it was killed", async () => {
        const provider = spawn(join(__dirname, "../../provider/pulumi-resource-bgplab"), {
            stdio: ["pipe", "pipe", "inherit"],
        });
        const ended = once(provider, "exit");
        const [port] = (await once(createInterface({ input: provider.stdout }), "line")) as [string];
        expect(port).toMatch(/^\d+$/);
        expect(provider.exitCode).toBeNull();
        provider.stdin.end();
        expect(await ended).toEqual([1, null]);
    });
});

describe("the plan of an update", () => {
    const inputs = { sandbox: "lab", namespace: "router0", config: "router bgp 65000\n" };

    it("ends recorded drift at the output that names it, and changed inputs where they are", () => {
        const outputs = { drift: { "daemons.bgpd": "ended (SIGKILL)" } };
        expect(planDiff(router, inputs, outputs, { ...inputs, config: "router bgp 65001\n" })).toEqual({
            changes: [
                { path: "config", kind: "update" },
                { path: 'drift["daemons.bgpd"]', kind: "delete" },
            ],
            replaces: [],
        });
    });

    it("is empty for equal inputs without drift", () => {
        expect(planDiff(router, inputs, { drift: {} }, inputs)).toEqual({ changes: [], replaces: [] });
    });

    it("replaces a router that moves to another namespace", () => {
        const plan = planDiff(router, inputs, { drift: {} }, { ...inputs, namespace: "router1" });
        expect(plan.replaces).toEqual(["namespace"]);
    });
});
