import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(__dirname, "../..");

function run(program: string): string {
    return execFileSync(process.execPath, ["-r", "./scripts/lean-dockerode.cjs", "-e", program], {
        cwd: root,
        encoding: "utf8",
    }).trim();
}

const loaded = (name: string) => `Object.keys(require.cache).some((file) => file.includes("/node_modules/${name}/"))`;

describe("dockerode in what speaks to an engine", () => {
    it("leaves SSH, BuildKit and archives alone until somebody uses them", () => {
        const program = `
            require("dockerode");
            console.log(${["ssh2", "@grpc/proto-loader", "tar-fs", "@balena/dockerignore"].map(loaded).join(", ")});`;
        expect(run(program)).toBe("false false false false");
    });

    it("connects over SSH where the engine's address says so", () => {
        const program = `
            const Docker = require("dockerode");
            const listener = require("node:net").createServer((socket) => {
                socket.once("data", (greeting) => {
                    console.log(String(greeting).startsWith("SSH-2.0-"), ${loaded("ssh2")});
                    process.exit();
                });
            });
            listener.listen(0, "127.0.0.1", () => {
                const { port } = listener.address();
                new Docker({ protocol: "ssh", host: "127.0.0.1", port, username: "somebody" }).ping(() => {});
            });`;
        expect(run(program)).toBe("true true");
    });

    it("packs the folder of an image", () => {
        const program = `
            const { prepareBuildContext } = require("dockerode/lib/util");
            prepareBuildContext({ context: "scripts", src: ["lean-dockerode.cjs"] }, (archive) => {
                const parts = [];
                archive.on("data", (part) => parts.push(part)).on("end", () => {
                    const text = require("node:zlib").gunzipSync(Buffer.concat(parts)).toString();
                    console.log(text.startsWith("lean-dockerode.cjs"), text.includes("ustar"));
                });
            });`;
        expect(run(program)).toBe("true true");
    });
});
