import { beforeAll, describe, expect, it } from "vitest";
import type { Sandbox } from "../../provider/sandbox/protocol";
import type { FabricInputs } from "../../provider/schema";
import { device, link, useSandbox, webPod } from "./lab";

let sandbox: Sandbox;
const runningSandbox = useSandbox("probes");

/** client – left – right; the two routers send what they do not know to each other. */
const looping: FabricInputs = {
    sandbox: "",
    namespaces: {
        client: device({
            forwarding: false,
            addresses: { net0: ["192.0.2.2/24", "2001:db8::2/64"] },
            routes: { "0.0.0.0/0": { via: "192.0.2.1" }, "::/0": { via: "2001:db8::1" } },
        }),
        left: device({
            addresses: { net0: ["192.0.2.1/24", "2001:db8::1/64"], net1: ["198.51.100.1/24", "2001:db8:1::1/64"] },
            routes: { "0.0.0.0/0": { via: "198.51.100.2" }, "::/0": { via: "2001:db8:1::2" } },
        }),
        right: device({
            addresses: { net0: ["198.51.100.2/24", "2001:db8:1::2/64"] },
            routes: {
                "0.0.0.0/0": { via: "198.51.100.1" },
                "::/0": { via: "2001:db8:1::1" },
                "203.0.113.0/24": { blackhole: true },
                "2001:db8:bad::/48": { blackhole: true },
            },
        }),
        alone: device({ forwarding: false }),
    },
    links: { first: link("client:net0", "left:net0"), second: link("left:net1", "right:net0") },
    bridges: {},
};

beforeAll(async () => {
    sandbox = runningSandbox();
    await sandbox.call("applyFabric", { fabric: looping });
});

const timeoutMilliseconds = 400;

async function outcomes(namespace: string, address: string): Promise<readonly string[]> {
    const target = { namespace, address, timeoutMilliseconds };
    const results = await Promise.all([
        sandbox.call("http", { ...target, port: 80 }),
        sandbox.call("connect", { ...target, port: 80 }),
        sandbox.call("ping", target),
    ]);
    return results.map(({ kind }) => kind);
}

describe("probes", () => {
    it.each(["198.51.100.2", "2001:db8:1::2"])(
        "tell that %s refuses a connection and answers ping",
        async (address) => {
            expect(await outcomes("client", address)).toEqual(["refused", "refused", "answer"]);
        },
    );

    it.each(["8.8.8.8", "2620:fe::fe"])("tell that the TTL to %s ended on the way, and where", async (address) => {
        expect(await outcomes("client", address)).toEqual(["ttl-exceeded", "ttl-exceeded", "ttl-exceeded"]);
        const { from } = await sandbox.call("ping", { namespace: "client", address, timeoutMilliseconds });
        expect(["198.51.100.2", "192.0.2.1", "2001:db8:1::2", "2001:db8::1"]).toContain(from);
    });

    it("tell silence", async () => {
        expect(await outcomes("client", "203.0.113.1")).toEqual(["timeout", "timeout", "timeout"]);
    });

    it.each(["192.0.2.2", "2001:db8::2"])("tell that there is no route to %s from here", async (address) => {
        expect(await outcomes("alone", address)).toEqual(["unreachable", "unreachable", "unreachable"]);
    });

    it("say which namespace does not exist", async () => {
        await expect(outcomes("nowhere", "192.0.2.2")).rejects.toThrow('there is no network namespace "nowhere"');
    });

    it("refuse what is not an address", async () => {
        await expect(outcomes("client", "example.org")).rejects.toThrow('"example.org" is not an IPv4 or IPv6 address');
    });

    it("leave from the namespace they name, also when hundreds run at once", async () => {
        const fabric: FabricInputs = {
            ...looping,
            namespaces: {
                ...looping.namespaces,
                ...Object.fromEntries(
                    hosts.map((n) => [`host${n}`, device({ addresses: { eth0: [`10.1.0.${n}/24`] } })]),
                ),
            },
            bridges: { lan: { mtu: 1500, ports: hosts.map((n) => ({ namespace: `host${n}`, interface: "eth0" })) } },
        };
        await sandbox.call("applyFabric", { fabric });
        await sandbox.call("applyNode", {
            node: { namespace: "host1", pods: { web: webPod(["10.2.0.1"], { port: 80 }) }, services: {} },
        });
        await sandbox.call("exec", {
            processes: hosts
                .slice(1)
                .map((n) => ({ namespace: `host${n}`, argv: ["ip", "route", "add", "10.2.0.1", "via", "10.1.0.1"] })),
        });
        const askers = Array.from({ length: 400 }, (_, index) => (index % (hosts.length - 1)) + 2);
        const clients = await Promise.all(askers.map(clientOf));
        expect(clients).toEqual(askers.map((n) => `10.1.0.${n}`));
    });

    const hosts = Array.from({ length: 20 }, (_, index) => index + 1);

    /** Asks the pod from a host while other processes are started in other namespaces. */
    async function clientOf(n: number): Promise<string> {
        const [result] = await Promise.all([
            sandbox.call("http", {
                namespace: `host${n}`,
                address: "10.2.0.1",
                port: 80,
                timeoutMilliseconds: 20_000,
            }),
            n % 5 === 0
                ? sandbox.call("exec", { processes: [{ namespace: "right", argv: ["true"] }] })
                : sandbox.call("ping", { namespace: "left", address: "198.51.100.2", timeoutMilliseconds }),
        ]);
        return result.kind === "answer" ? (JSON.parse(result.body) as { client: string }).client : result.detail;
    }
});
