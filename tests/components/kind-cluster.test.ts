import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { record } from "./recording";

/** Stands for kind: a cluster is a file with its configuration. `$WORLD/slow` makes a creation take for ever. */
const kind = `#!/bin/sh
echo "kind $*" >>"$WORLD/calls"
case "$1 $2" in
"create cluster")
    cat "$6" >"$WORLD/cluster"
    [ ! -e "$WORLD/slow" ] || exec sleep 60
    echo "user's or private" >>"$KUBECONFIG"
    [ ! -e "$WORLD/broken" ] || { echo "node(s) did not join" >&2; exit 1; }
    ;;
"delete cluster") rm -f "$WORLD/cluster" "$WORLD/finished" ;;
"get nodes") [ ! -e "$WORLD/cluster" ] || echo lab-control-plane ;;
"get kubeconfig") echo "kubeconfig of $4" ;;
esac
`;

/** Stands for docker: its only container is the control plane of the cluster. */
const docker = `#!/bin/sh
echo "docker $*" | head -n 1 >>"$WORLD/calls"
[ -e "$WORLD/cluster" ] || exit 1
case "$*" in
*cat\\ \\>*) cat >"$WORLD/finished" ;;
*cat*) cat "$WORLD/finished" ;;
esac
`;

interface CommandInputs {
    readonly interpreter: readonly string[];
    readonly create: string;
    readonly delete: string;
    readonly environment: Readonly<Record<string, string>>;
}

/** The command as the program asks for it. */
function commandInputs(): CommandInputs {
    const request = { stack: "lab", preview: false, config: { runtime: "docker", lab: { cluster: "lab" } } };
    const { resources } = record(request);
    return resources.find(({ urn }) => urn.includes("command:local:Command"))?.inputs as unknown as CommandInputs;
}

const inputs = commandInputs();
let world: string;

beforeEach(() => {
    world = mkdtempSync(join(tmpdir(), "kind-cluster-"));
    mkdirSync(join(world, "bin"));
    mkdirSync(join(world, "tmp"));
    writeFileSync(join(world, "bin/kind"), kind, { mode: 0o755 });
    writeFileSync(join(world, "bin/docker"), docker, { mode: 0o755 });
    writeFileSync(join(world, "kubeconfig"), "the user's\n");
});

afterEach(() => rmSync(world, { recursive: true }));

function run(command: string, config: string, environment: Readonly<Record<string, string>> = {}) {
    const [program, ...args] = inputs.interpreter;
    const { status, stdout, stderr } = spawnSync(program!, [...args, command], {
        input: config,
        encoding: "utf8",
        env: {
            ...process.env,
            ...inputs.environment,
            PATH: `${join(world, "bin")}:${process.env.PATH}`,
            TMPDIR: join(world, "tmp"),
            KUBECONFIG: join(world, "kubeconfig"),
            WORLD: world,
            ...environment,
        },
    });
    return { status, stdout, stderr };
}

function calls(): string[] {
    return readFileSync(join(world, "calls"), "utf8").trim().split("\n");
}

function creations(): number {
    return calls().filter((call) => call.startsWith("kind create")).length;
}

describe("the command that makes a cluster", () => {
    it("prints the kubeconfig and how long the cluster took, and leaves the user's as it is and no copy behind", () => {
        expect(run(inputs.create, "a: 1\n")).toMatchObject({
            status: 0,
            stdout: expect.stringMatching(/^# made in \d+ s\nkubeconfig of lab\n$/),
        });
        expect(readFileSync(join(world, "kubeconfig"), "utf8")).toBe("the user's\n");
        expect(readdirSync(join(world, "tmp"))).toEqual([]);
    });

    it("takes over a cluster that an earlier run finished with the same configuration", () => {
        run(inputs.create, "a: 1\n");
        expect(run(inputs.create, "a: 1\n")).toMatchObject({
            status: 0,
            stdout: expect.stringMatching(/^# made in \d+ s\nkubeconfig of lab\n$/),
        });
        expect(creations()).toBe(1);
    });

    it("makes a cluster anew that has another configuration", () => {
        run(inputs.create, "a: 1\n");
        expect(run(inputs.create, "a: 2\n").status).toBe(0);
        expect(creations()).toBe(2);
        expect(readFileSync(join(world, "cluster"), "utf8")).toBe("a: 2\n");
    });

    it("removes what a run that was cut off left, before it makes the cluster", () => {
        writeFileSync(join(world, "cluster"), "a: 1\n");
        expect(run(inputs.create, "a: 1\n").status).toBe(0);
        const verbs = calls().filter((call) => /^kind (delete|create)/.test(call));
        expect(verbs.map((call) => call.split(" ")[1])).toEqual(["delete", "create"]);
    });

    it("leaves nothing half-made when kind fails, and fails with what kind says", () => {
        writeFileSync(join(world, "broken"), "");
        const { status, stdout, stderr } = run(inputs.create, "a: 1\n");
        expect(status).toBe(1);
        expect(stdout).toBe("");
        expect(stderr).toContain("node(s) did not join");
        expect(existsSync(join(world, "cluster"))).toBe(false);
    });

    it("gives up a cluster that is not there in time, and names the setting", () => {
        writeFileSync(join(world, "slow"), "");
        const { status, stderr } = run(inputs.create, "a: 1\n", { TIMEOUT: "1" });
        expect(status).toBe(124);
        expect(stderr).toContain("bgp-lab:docker.timeouts.cluster");
        expect(existsSync(join(world, "cluster"))).toBe(false);
    });

    it("runs the kubectl commands of the lab in the control plane before the cluster counts as finished", () => {
        run(inputs.create, "a: 1\n", { KUBECTL: "label node a b=c\nlabel node d e-\n" });
        const kubectl = "docker exec lab-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf";
        const last = calls()
            .filter((call) => call.startsWith("docker exec"))
            .slice(-3);
        expect(last.slice(0, 2)).toEqual([`${kubectl} label node a b=c`, `${kubectl} label node d e-`]);
        expect(last[2]).toContain("/kind/bgp-lab-finished");
    });

    it("deletes the cluster", () => {
        run(inputs.create, "a: 1\n");
        expect(run(inputs.delete, "a: 1\n").status).toBe(0);
        expect(existsSync(join(world, "cluster"))).toBe(false);
    });

    it("keeps Pulumi's passphrase from kind", () => {
        writeFileSync(
            join(world, "bin/kind"),
            `#!/bin/sh\necho "\${PULUMI_CONFIG_PASSPHRASE-none}" >>"$WORLD/calls"\n`,
        );
        run(inputs.delete, "", { PULUMI_CONFIG_PASSPHRASE: "secret" });
        expect(calls()).toEqual(["none"]);
    });
});
