import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cleanFileMappings } from "../../provider/sandbox/memory";
import { smallFabric, until, useSandbox, workerNode } from "./lab";

const runningSandbox = useSandbox("memory");

function mapping(range: string, permissions: string, file: string, anonymousKilobytes: number): string {
    return `${range} ${permissions} 00000000 fe:00 ${file === "" ? "0" : "42"}   ${file}\nSize: 8 kB\nAnonymous:   ${anonymousKilobytes} kB\nVmFlags: rd\n`;
}

describe("memory of PID 1", () => {
    it("gives back only what is an unchanged copy of a file", () => {
        const smaps = [
            mapping("1000-3000", "r-xp", "/usr/bin/node", 0),
            mapping("3000-5000", "r--p", "/usr/bin/node", 4),
            mapping("5000-7000", "rw-p", "/usr/bin/node", 0),
            mapping("7000-8000", "r--p", "/lib/libc.so.6", 0),
            mapping("8000-9000", "r--p", "", 0),
            mapping("9000-a000", "r--p", "[vvar]", 0),
        ].join("");
        expect(cleanFileMappings(smaps)).toEqual([
            { start: 0x1000n, length: 0x2000n },
            { start: 0x7000n, length: 0x1000n },
        ]);
    });

    it("is small when idle, and PID 1 works as before", async () => {
        const sandbox = runningSandbox();
        await sandbox.call("applyFabric", { fabric: smallFabric() });
        await sandbox.call("applyNode", { node: workerNode() });
        const megabytes = () => {
            const status = readFileSync(`/proc/${sandbox.pid}/status`, "latin1");
            return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)![1]) / 1024;
        };
        expect(megabytes()).toBeGreaterThan(35);
        await until("memory was given back", () => megabytes() < 30, 10_000);
        const request = { namespace: "worker", address: "10.100.1.1", port: 8080, timeoutMilliseconds: 2000 };
        expect((await sandbox.call("http", request)).kind).toBe("answer");
        expect((await sandbox.call("inspectFabric", { fabric: smallFabric() })).drift).toEqual([]);
    });
});
