import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { onPath } from "../../bench/measure";
import { containerName } from "../../components/docker/fabric";
import type { Lab } from "../../lab/model";
import { dockerPrefix } from "../../render/docker";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { canRun, engine, engineMissing } from "./engine";
import { image, reference } from "./images";
import { PublishedStack, publishedMissing } from "./published";
import { run } from "./stand-in";

// Without a leading zero in hexadecimal, which a canonical address does not have (RFC 5952).
const number = randomInt(16, 256);
const hex = number.toString(16);
const name = `v${process.pid}-${hex}`;
const prefix = dockerPrefix("bgp-lab-fabric", name);

/** A lab of its own names and networks whose router has VyOS. */
function model(parameters: Readonly<Record<string, unknown>> = {}): Lab {
    const planned = planSingleFrr(
        schema.parse({
            cluster: `vyos${name}`,
            workers: 1,
            replicas: 1,
            nodeSubnets: [`100.76.${number}.0/26`, `fd00:100:76:${hex}::/64`],
            linkPools: [`100.77.${number}.0/24`, `fd00:100:77:${hex}00::/56`],
            linkMask: 28,
            clientSubnets: [`100.78.${number}.0/28`, `fd00:100:78:${hex}::/64`],
            ...parameters,
        }),
    );
    const routers = Object.entries(planned.routers).map(
        ([router, each]) => [router, { ...each, nos: "vyos", nosVersion: "1.4.0" }] as const,
    );
    return { ...planned, routers: Object.fromEntries(routers) };
}

const available = canRun(
    "a router with VyOS on the published Pulumi CLI",
    engineMissing(),
    publishedMissing(),
    Promise.resolve(onPath("pulumi-resource-random") ? undefined : "no pulumi-resource-random on PATH"),
);

describe("a router with VyOS, deployed", { timeout: 900_000 }, () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    const stack = new PublishedStack(join(__dirname, "fabric-program"), "bgp-lab-fabric", name);
    const sockets = mkdtempSync(join(tmpdir(), "bgp-lab-vyos-"));
    const router = containerName(model(), prefix, "router0");
    const config = () => run(router, ["cat", "/config/config.boot"]);

    function configure(lab: Lab): void {
        for (const node of Object.keys(lab.cluster.nodes)) {
            mkdirSync(join(sockets, node), { recursive: true });
        }
        const [client, node, vyos] = [reference("client"), reference("node"), reference("vyos")];
        stack.configure({ fabric: { model: lab, images: { router: "", client, node, vyos }, sockets } });
    }

    beforeAll(async () => {
        if (await available) {
            await Promise.all([image("client"), image("node"), image("vyos")]);
        }
    });

    afterAll(async () => {
        if (await available) {
            await stack.attempt("destroy");
            const left = (await engine.listContainers({ all: true })).filter(({ Names }) => Names[0]?.includes(name));
            await Promise.all(left.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })));
        }
        stack.remove();
        rmSync(sockets, { recursive: true, force: true });
    });

    it("comes up with its links under VyOS's names, and with the configuration that VyOS committed", async () => {
        configure(model());
        await stack.init();
        const said = await stack.run("up");
        expect(await config()).toMatch(/^ {4}host-name "router0"$/m);
        expect(await run(router, ["ip", "-o", "-4", "addr", "show", "eth0"])).toContain(" 100.7");
        const hash = /\$6\$[A-Za-z0-9]{16}\$[A-Za-z0-9./]{86}/.exec(await config())?.[0];
        expect(hash).toBeDefined();
        expect(said).not.toContain("$6$");
    });

    it("keeps password, salt, hash and configuration out of the state and of differences", async () => {
        const [, salt] = /\$6\$([A-Za-z0-9]{16})\$/.exec(await config())!;
        const state = await stack.state();
        expect(state).toContain("bgplab:docker:Vyos");
        expect(state).not.toMatch(/\$6\$|encrypted-password|host-name/);
        expect(state).not.toContain(salt);
        configure(model({ routerTimers: { holdTime: 12, keepalive: 4, connectRetry: 1 } }));
        const difference = await stack.run("preview", "--diff");
        expect(difference).toMatch(/bgplab:docker:Vyos[\s\S]*config *: \[secret\]/);
        expect(difference).not.toMatch(/\$6\$|encrypted-password/);
        configure(model());
    });

    it("has nothing to do a second time: the hash is the same", async () => {
        await stack.run("preview", "--refresh", "--diff", "--expect-no-changes");
    });

    it("starts again with what was saved, and with its links under their names before VyOS looks for them", async () => {
        const saved = await config();
        await engine.getContainer(router).restart({ t: 0 });
        const names = ["eth0", "eth1", "eth4"];
        await expect
            .poll(() => run(router, ["cat", "/tmp/vyos-config-status"]).catch(() => ""), { timeout: 60_000 })
            .toBe("0\n");
        const links = await run(router, ["cat", "/tmp/links-at-boot"]);
        expect(names.filter((each) => !links.includes(`: ${each}@`))).toEqual([]);
        expect(await run(router, ["cat", "/tmp/active"])).toBe(saved);
        await stack.run("preview", "--refresh", "--diff", "--expect-no-changes");
    });

    it("takes a change live: the container stays, and so do password and hash", async () => {
        const id = (await engine.getContainer(router).inspect()).Id;
        const passwords = async () => (await config()).match(/encrypted-password.*/)?.[0];
        const before = await passwords();
        configure(model({ routerTimers: { holdTime: 12, keepalive: 4, connectRetry: 1 } }));
        await stack.run("up");
        expect(await config()).toMatch(/^ +holdtime "12"$/m);
        expect(await passwords()).toBe(before);
        expect((await engine.getContainer(router).inspect()).Id).toBe(id);
    });
});
