/**
 * Measures what the policy pack adds to a preview: on the embedded engine, and on the published CLI if there is one.
 *
 * Usage: node -r ./scripts/register.cjs bench/policy.ts [NODES [ROUNDS]]      default: 200 5
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { type Cost, costOf, loadAverage, measure, median, middle, onPath, row, runMain, seconds } from "./measure";

const root = resolve(".");
const work = mkdtempSync(join(tmpdir(), "bgp-lab-bench-policy-"));
const [nodes = 200, rounds = 5] = process.argv.slice(2).map(Number);
const stack = "bench-policy";
const configFile = join(work, `Pulumi.${stack}.yaml`);
const disabled = join(work, "disabled.json");

/** What a preview is asked to do beside planning. */
const variants = {
    without: [],
    // The same process, told to look at nothing: what is left of the pack is its start.
    started: ["--policy-pack", "policy", "--policy-pack-config", disabled],
    asked: ["--policy-pack", "policy", "--policy-pack-config", "policy/config.json"],
} as const;

type Variant = keyof typeof variants;

function environment(engine: string): NodeJS.ProcessEnv {
    return {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${work}/${engine}`,
        PULUMI_CONFIG_PASSPHRASE: "bench",
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
}

/** Medians of alternating previews. */
async function measurePreviews(engine: string, program: string): Promise<Readonly<Record<Variant, Cost>>> {
    const env = environment(engine);
    const scratch = join(work, `scratch-${engine}`);
    mkdirSync(join(work, engine));
    mkdirSync(scratch);
    // A folder that has only the project's name: creating a stack writes nothing into the project then.
    writeFileSync(join(scratch, "Pulumi.yaml"), "name: bgp-lab\nruntime: nodejs\n");
    await measure(program, ["stack", "init", stack, "--no-select", "--non-interactive"], { cwd: scratch, env });
    const costs: Record<Variant, Cost[]> = { without: [], started: [], asked: [] };
    for (let round = 0; round < rounds; round += 1) {
        for (const [variant, flags] of Object.entries(variants)) {
            const args = ["preview", "--stack", stack, "--config-file", configFile, "--non-interactive", ...flags];
            costs[variant as Variant].push(await costOf(program, args, { cwd: root, env }));
        }
    }
    return { without: middle(costs.without), started: middle(costs.started), asked: middle(costs.asked) };
}

/** Milliseconds until the pack's process, on its own, says that it can be asked. */
function startOfPack(): Promise<number> {
    return new Promise((done, fail) => {
        const start = performance.now();
        const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack");
        const pack = spawn(process.execPath, [runner, "127.0.0.1:1", "."], { cwd: join(root, "policy") });
        pack.stdout.once("data", () => {
            done(performance.now() - start);
            pack.kill("SIGKILL");
        });
        pack.on("error", fail);
    });
}

async function main(): Promise<void> {
    writeFileSync(configFile, stringify({ config: { "bgp-lab:lab": { workers: nodes - 1 } } }));
    writeFileSync(disabled, JSON.stringify({ all: "disabled" }));
    const engines = { embedded: join(root, "engine/pulumi") };
    const published = onPath("pulumi-language-nodejs") ? { published: "pulumi" } : {};
    console.log(`\nThe policy pack on single-frr with ${nodes} nodes, load average ${loadAverage()}`);
    const starts: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
        starts.push(await startOfPack());
    }
    row("", "time", "processor");
    row("  start of the pack's process, on its own", seconds(median(starts)));
    for (const [engine, program] of Object.entries({ ...engines, ...published })) {
        const { without, started, asked } = await measurePreviews(engine, program);
        const line = (label: string, cost: Cost, ...more: readonly string[]) =>
            row(`  ${engine}: ${label}`, seconds(cost.milliseconds), seconds(cost.processor), ...more);
        line("preview without the pack", without);
        line("with all of its policies disabled", started);
        line("with the pack", asked);
        const beyond = {
            milliseconds: asked.milliseconds - started.milliseconds,
            processor: asked.processor - started.processor,
        };
        line("beyond the start of its process", beyond, "goal 1.00 s");
        const ratio = (asked.milliseconds / without.milliseconds).toFixed(2);
        row(`  ${engine}: with the pack ÷ without`, ratio, (asked.processor / without.processor).toFixed(2));
    }
}

runMain(main, work);
