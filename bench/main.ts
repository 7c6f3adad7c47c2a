/**
 * Measures the embedded runtime beside plain scripts, which make the same labs by hand, and beside a bare Pulumi program
 * on the same engine, all in one run. Prints figures and ratios; nothing here passes or fails.
 *
 * Usage: node -r ./scripts/register.cjs bench/main.ts [SIZE …]      default: 4 50 200 4x16x2
 *
 * A size is the number of nodes of `single-frr`, or spines x racks x nodes per rack of `leaf-spine`.
 */
import { execFileSync, spawn } from "node:child_process";
import {
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { sandboxName } from "../provider/resources/claim";
import { sandboxPid } from "../provider/sandbox/start";

const root = resolve(".");
const engine = join(root, "engine/pulumi");
const work = mkdtempSync(join(tmpdir(), "bgp-lab-bench-"));
const env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${work}`,
    PULUMI_CONFIG_PASSPHRASE: "bench",
    BGP_LAB_ENGINE: "embedded",
};

/** Lines of a process with the milliseconds at which they came; the last entry is the end. */
interface Timeline {
    readonly total: number;
    /** Milliseconds until the first line that matches, or NaN. */
    at(pattern: RegExp): number;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Timeline> {
    return new Promise((done, fail) => {
        const start = performance.now();
        const child = spawn(command, [...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
        const lines: { readonly text: string; readonly at: number }[] = [];
        let rest = "";
        let errors = "";
        child.stdout.on("data", (chunk: Buffer) => {
            const parts = (rest + chunk.toString()).split("\n");
            rest = parts.pop() ?? "";
            lines.push(...parts.map((text) => ({ text, at: performance.now() - start })));
        });
        child.stderr.on("data", (chunk: Buffer) => {
            errors += chunk.toString();
        });
        child.on("close", (code) => {
            if (code !== 0) {
                const output = lines.map(({ text }) => text).join("\n");
                fail(new Error(`${command} ${args.join(" ")} exited with ${code}\n${output}\n${errors}`));
                return;
            }
            const at = (pattern: RegExp) => lines.find(({ text }) => pattern.test(text))?.at ?? Number.NaN;
            done({ total: performance.now() - start, at });
        });
    });
}

/** Kilobytes of memory, shared pages counted in proportion (PSS), of the processes in a PID namespace. */
function memory(pid: number): { readonly daemons: number; readonly own: number } {
    const namespaceOf = (process: string) => {
        try {
            return readlinkSync(`/proc/${process}/ns/pid`);
        } catch {
            return "";
        }
    };
    const own = namespaceOf(String(pid));
    const sizes = readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry) && namespaceOf(entry) === own)
        .map((entry) => {
            const pss = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${entry}/smaps_rollup`, "utf8"));
            const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
            return { pss: Number(pss?.[1] ?? 0), daemon: /zebra|bgpd|staticd|bfdd|bird/.test(command) };
        });
    const sum = (daemon: boolean) =>
        sizes.filter((size) => size.daemon === daemon).reduce((all, { pss }) => all + pss, 0);
    return { daemons: sum(true), own: sum(false) };
}

function bareProgram(): string {
    const folder = join(work, "bare");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "bare", main: "index.js" }));
    writeFileSync(join(folder, "index.js"), 'exports.stack = require("@pulumi/pulumi").getStack();\n');
    writeFileSync(
        join(folder, "Pulumi.yaml"),
        readFileSync(join(root, "Pulumi.yaml"), "utf8")
            .replace(/^name:.*/m, "name: bare")
            .replace(/^main:.*\n/m, "")
            .replace(/^plugins:[\s\S]*?(?=^\S(?!.*plugins))/m, "")
            .replace("./scripts/", `${root}/scripts/`),
    );
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    return folder;
}

const unattended = ["--yes", "--skip-preview", "--non-interactive"];

async function measureBare(folder: string) {
    await run(engine, ["stack", "init", "bench", "--non-interactive"], folder);
    const up = await run(engine, ["up", "--stack", "bench", ...unattended], folder);
    const same = await run(engine, ["up", "--stack", "bench", ...unattended], folder);
    const destroy = await run(engine, ["destroy", "--stack", "bench", ...unattended], folder);
    await run(engine, ["stack", "rm", "bench", "--yes"], folder);
    return { up: up.total, same: same.total, destroy: destroy.total };
}

/** A lab of some size, and the script that makes it by hand. */
interface Measured {
    readonly title: string;
    readonly stack: string;
    readonly config: Readonly<Record<string, unknown>>;
    readonly script: string;
    readonly arguments: readonly string[];
}

function measuredLab(size: string): Measured {
    const numbers = size.split("x").map(Number);
    if (numbers.some((each) => !Number.isInteger(each)) || ![1, 3].includes(numbers.length)) {
        throw new Error(`${size} is no size: give a number of nodes, or <spines>x<racks>x<nodes per rack>`);
    }
    const [first = 0, racks = 0, nodesPerRack = 0] = numbers;
    const common = { stack: `bench-${size}`, arguments: numbers.map(String) };
    return numbers.length === 1
        ? { ...common, title: `${first} nodes`, config: { lab: { workers: first - 1 } }, script: "bench/plain.sh" }
        : {
              ...common,
              title: `${first} spines, ${racks} racks of ${nodesPerRack} nodes`,
              config: { topology: "leaf-spine", lab: { spines: first, racks, nodesPerRack } },
              script: "bench/plain-fabric.sh",
          };
}

async function measureLab({ stack, config: chosen }: Measured) {
    const config = join(work, `Pulumi.${stack}.yaml`);
    const entries = Object.entries(chosen).map(([key, value]) => [`bgp-lab:${key}`, value]);
    writeFileSync(config, stringify({ config: Object.fromEntries(entries) }));
    const options = ["--stack", stack, "--config-file", config, ...unattended];
    await run(engine, ["stack", "select", "--create", "--stack", stack, "--non-interactive"], scratchProject());
    const up = await run(engine, ["up", ...options], root);
    const pid = sandboxPid(sandboxName("bgp-lab", stack, root));
    if (pid === undefined) {
        throw new Error(`the sandbox of ${stack} is not there after \`up\``);
    }
    const used = memory(pid);
    const verify = await run(process.execPath, ["scripts/run.cjs", "verify", "--stack", stack], root);
    const same = await run(engine, ["up", ...options], root);
    const refreshed = await run(engine, ["up", ...options, "--refresh"], root);
    const destroy = await run(engine, ["destroy", ...options], root);
    return {
        up: up.total,
        started: up.at(/Claim .* creating/),
        sandbox: up.at(/Sandbox .* created/),
        fabric: up.at(/Fabric .* created/),
        created: up.at(/Verification .* creating/),
        verified: up.at(/Verification .* created/),
        verify: verify.total,
        same: same.total,
        refreshed: refreshed.total,
        destroy: destroy.total,
        memory: used,
    };
}

/** A folder that has only the project's name, so that creating a stack writes nothing into the project. */
function scratchProject(): string {
    const folder = join(work, "scratch");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "Pulumi.yaml"), "name: bgp-lab\nruntime: nodejs\n");
    return folder;
}

function measurePlain({ script, arguments: size }: Measured): Readonly<Record<string, number>> {
    const output = execFileSync(join(root, script), [...size], { encoding: "utf8" });
    return Object.fromEntries(
        output
            .trim()
            .split("\n")
            .map((line) => [line.split(" ")[0], Number(line.split(" ")[1])]),
    );
}

function row(label: string, ...cells: readonly string[]): void {
    console.log([label.padEnd(34), ...cells.map((cell) => cell.padStart(10))].join(""));
}

const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`;
const megabytes = (kilobytes: number) => `${(kilobytes / 1_024).toFixed(0)} MB`;

async function main(): Promise<void> {
    const sizes = process.argv.slice(2);
    const labs = (sizes.length > 0 ? sizes : ["4", "50", "200", "4x16x2"]).map(measuredLab);
    const bare = await measureBare(bareProgram());
    console.log(`load average at the start ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]}\n`);
    row("bare program, up", seconds(bare.up));
    row("bare program, no-change up", seconds(bare.same));
    row("bare program, destroy", seconds(bare.destroy));
    for (const measured of labs) {
        const plain = measurePlain(measured);
        const lab = await measureLab(measured);
        console.log(`\n${measured.title}`);
        row("  plain script, FIB complete", seconds(plain.fib ?? Number.NaN));
        row("  plain script, first answer", seconds(plain.answer ?? Number.NaN));
        row("  program started and planned", seconds(lab.started));
        row("  sandbox", seconds(lab.sandbox - lab.started));
        row("  fabric", seconds(lab.fabric - lab.sandbox));
        row("  routers and nodes", seconds(lab.created - lab.fabric));
        row("  converged and verified", seconds(lab.verified - lab.created));
        row("  `verify` on its own", seconds(lab.verify));
        row("  up, verified", seconds(lab.up));
        row("  no-change up", seconds(lab.same));
        row("  no-change up --refresh", seconds(lab.refreshed));
        row("  destroy", seconds(lab.destroy));
        row("  memory of the daemons", megabytes(lab.memory.daemons));
        row("  memory of all", megabytes(lab.memory.daemons + lab.memory.own));
        row("  memory of the plain script's", megabytes(plain.pss ?? Number.NaN));
        console.log("  ratios");
        row("  up ÷ (script + bare)", (lab.up / ((plain.answer ?? 0) + bare.up)).toFixed(2), "goal 1.50");
        row("  no-change up ÷ bare", (lab.same / bare.same).toFixed(2), "goal 2.00");
        row("  destroy − bare", seconds(lab.destroy - bare.destroy), "goal 1.00 s");
        row("  memory ÷ daemons", ((lab.memory.daemons + lab.memory.own) / lab.memory.daemons).toFixed(2), "goal 1.20");
    }
    // Each in a process of its own, whose memory and time are its own, too.
    for (const script of ["bench/prediction.ts", "bench/sweep.ts", "bench/policy.ts", "bench/diff.ts"]) {
        execFileSync(process.execPath, ["-r", "./scripts/register.cjs", script], { stdio: "inherit" });
    }
}

main().then(
    () => rmSync(work, { recursive: true, force: true }),
    (error: unknown) => {
        console.error(error instanceof Error ? error.message : error);
        process.exitCode = 1;
    },
);
