import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sha512crypt } from "../../components/credentials";
import { engine as providerEngine } from "../../provider/docker/engine";
import { vyos } from "../../provider/docker/vyos";
import type { VyosInputs } from "../../provider/schema";
import { vyosConfigBoot } from "../../render/vyos";
import { vyosMounts, vyosProcess } from "../../render/vyos-script";
import { articleLeafSpine } from "../render/nos-labs";
import { canRun, engine, engineAvailable } from "./engine";
import { image } from "./images";

/** An image of VyOS, where somebody has one; its version is that of the configurations that it gets. */
const vyosImage = process.env.BGP_LAB_VYOS_IMAGE;
const vyosVersion = process.env.BGP_LAB_VYOS_VERSION ?? "1.4.0";

const context = { project: "bgp-lab", stack: "test" };
const hash = `$6$saltsaltsaltsalt$${"a".repeat(86)}`;

const available = engineAvailable("VyOS's configuration in a container");

describe("a configuration of VyOS", () => {
    const container = `bgp-lab-test-vyos-${randomUUID().slice(0, 8)}`;
    let inputs: VyosInputs;

    beforeEach(async ({ skip }) => skip(!(await available)));

    beforeAll(async () => {
        if (await available) {
            const made = await engine.createContainer({
                name: container,
                Image: await image("vyos"),
                HostConfig: { NetworkMode: "none", Init: true },
            });
            await made.start();
            inputs = { container, containerId: made.id, config: `host-name a\nencrypted-password ${hash}\n` };
        }
    });

    afterAll(async () => {
        if (await available) {
            await engine.getContainer(container).remove({ force: true });
        }
    });

    async function inside(script: string): Promise<string> {
        return (await (await providerEngine()).exec(container, ["sh", "-c", script])).stdout;
    }

    it("is loaded, committed and saved, and then nothing differs", async () => {
        await vyos.create(inputs, context);
        expect(await inside("cat /config/config.boot")).toBe(inputs.config);
        expect(await vyos.read(inputs)).toEqual([]);
    });

    it("comes by standard input: no process has the hash among its arguments, and nobody else can read it", async () => {
        const seen = await inside("cat /tmp/arguments");
        expect(seen).toContain("vyatta-cfg-cmd-wrapper");
        expect(seen).not.toContain("$6$");
        expect(await inside("stat -c %a /etc/bgp-lab/config.boot /etc/bgp-lab/active")).toBe("600\n600\n");
    });

    it("is not committed again when nothing changed", async () => {
        await vyos.update(inputs, inputs, context);
        expect(await inside("cat /tmp/commits")).toBe("commit\n");
    });

    it("is told as drift when somebody changes it, without what is secret", async () => {
        await inside(`sed -i 's/host-name a/host-name b/; s/aaaa/bbbb/' /tmp/active`);
        expect(await vyos.read(inputs)).toEqual([
            { path: "config", found: '"host-name b" is configured, too' },
            { path: "config", found: '"encrypted-password [secret]" is configured, too' },
            { path: "config", found: '"host-name a" is missing' },
            { path: "config", found: '"encrypted-password [secret]" is missing' },
        ]);
        await vyos.update(inputs, inputs, context);
        expect(await vyos.read(inputs)).toEqual([]);
    });

    it("that VyOS refuses leaves the former one in force, and the error keeps the secret", async () => {
        const news = { ...inputs, config: `refuse encrypted-password ${hash}\n` };
        await expect(vyos.update(inputs, news, context)).rejects.toThrow(
            `VyOS in ${container} does not take its configuration:\n  refuse encrypted-password [secret]`,
        );
        expect(await vyos.read(inputs)).toEqual([]);
        expect(await vyos.read(news)).toEqual([{ path: "file", found: "another configuration was applied last" }]);
    });

    it("ends with its container", async () => {
        await engine.getContainer(container).stop({ t: 0 });
        expect(await vyos.read(inputs)).toEqual([{ path: "container", found: `${container} does not run` }]);
        expect(await vyos.read({ ...inputs, container: `${container}-gone` })).toBe("gone");
    });
});

const image14 = canRun(
    "a real VyOS that boots with the lab's configuration",
    Promise.resolve(
        vyosImage === undefined ? "BGP_LAB_VYOS_IMAGE is not set (an image made of VyOS's ISO)" : undefined,
    ),
);

describe("a real VyOS", () => {
    const container = `bgp-lab-test-vyos-${randomUUID().slice(0, 8)}`;

    beforeEach(async ({ skip }) => skip(!(await image14) || !(await available)));

    afterAll(async () => {
        if ((await image14) && (await available)) {
            await engine.getContainer(container).remove({ force: true });
        }
    });

    it("boots, takes the configuration of every switch of the article, and differs in nothing", async () => {
        const { entrypoints, command } = vyosProcess();
        const made = await engine.createContainer({
            name: container,
            Image: vyosImage!,
            Entrypoint: [...entrypoints],
            Cmd: [...command],
            User: "0",
            HostConfig: {
                NetworkMode: "none",
                Privileged: true,
                Binds: vyosMounts.map(({ hostPath, containerPath }) => `${hostPath}:${containerPath}:ro`),
            },
        });
        await made.start();
        const lab = articleLeafSpine(vyosVersion);
        const login = { user: "vyos", encryptedPassword: await sha512crypt("a password", "saltsaltsaltsalt") };
        for (const name of Object.keys(lab.routers)) {
            // Without a network there are no links; what they would be called stays out.
            const router = { ...lab.routers[name]!, interfaces: [], sourceNat: [] };
            const config = vyosConfigBoot({ ...lab, routers: { [name]: router } }, name, login);
            const inputs = { container, containerId: made.id, config };
            await vyos.create(inputs, context);
            expect(await vyos.read(inputs)).toEqual([]);
            const bgp = await (await providerEngine()).exec(container, ["vtysh", "-c", "show running-config bgpd"]);
            expect(bgp.stdout).toContain(`router bgp ${router.bgp.asn}`);
        }
    });
});
