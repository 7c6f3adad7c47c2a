import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { wiring } from "../../provider/docker/wiring";
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

    it("replaces a wiring while a network that it joins is about to be replaced", () => {
        const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
        const joined = { network: "lab-link", addresses: ["169.254.1.2/24"], mtu: 1500 };
        const olds = { container: "lab-client0", agentId: "1", interfaces: { net0: joined } };
        const moved = { ...olds, interfaces: { net0: { ...joined, addresses: ["169.254.2.2/24"] } } };
        expect(planDiff(wiring, olds, {}, { ...olds, interfaces: unknown }).replaces).toEqual(["interfaces"]);
        expect(planDiff(wiring, olds, {}, { ...olds, agentId: unknown }).replaces).toEqual([]);
        expect(planDiff(wiring, olds, {}, moved).replaces).toEqual([]);
    });
});
