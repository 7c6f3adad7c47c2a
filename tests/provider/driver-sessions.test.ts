import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { netnsDriver } from "../../provider/driver";
import type { Sandbox } from "../../provider/sandbox/protocol";

const done = 0;
const refused = 1;

let root: string;
let server: Server;
const connections = new Set<Socket>();
let opened = 0;

/** A command line that knows `enable`, and refuses everything else. */
function answer(socket: Socket): void {
    opened += 1;
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    socket.on("data", (data) => {
        for (const command of data.toString().split("\0").slice(0, -1)) {
            socket.write(Buffer.from([0, 0, 0, command === "enable" ? done : refused]));
        }
    });
}

beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "bgp-lab-driver-"));
    for (const directory of ["run/netns", "run/frr/router0"]) {
        mkdirSync(join(root, directory), { recursive: true });
    }
    writeFileSync(join(root, "run/netns/router0"), "");
    opened = 0;
    server = createServer(answer);
    await new Promise<void>((listening) => server.listen(join(root, "run/frr/router0/bgpd.vty"), listening));
});

afterEach(async () => {
    const closed = new Promise((ended) => server.close(ended));
    for (const socket of connections) {
        socket.destroy();
    }
    await closed;
    rmSync(root, { recursive: true });
});

const sandbox = () => ({ path: (inside: string) => join(root, inside) }) as Sandbox;

it("a daemon that refuses questions is asked over one session, which ends with the driver", async () => {
    const driver = netnsDriver(sandbox());
    for (let look = 0; look < 3; look += 1) {
        await expect(driver.refused("router0", "10.244.1.216", "ipv4")).rejects.toThrow(/refused/);
    }
    expect(opened).toBe(1);
    driver.close();
    await expect.poll(() => connections.size).toBe(0);
});

it("a daemon that went away is asked over a new session", async () => {
    const driver = netnsDriver(sandbox());
    await expect(driver.refused("router0", "10.244.1.216", "ipv4")).rejects.toThrow(/refused/);
    for (const socket of connections) {
        socket.destroy();
    }
    await expect.poll(() => connections.size).toBe(0);
    await expect(driver.refused("router0", "10.244.1.216", "ipv4")).rejects.toThrow();
    await expect(driver.refused("router0", "10.244.1.216", "ipv4")).rejects.toThrow(/refused/);
    expect(opened).toBe(2);
    driver.close();
});
