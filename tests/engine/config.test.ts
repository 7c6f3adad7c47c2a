import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { extendProject, type TestProject, useProjects } from "./harness";

const project = useProjects();

const fileOf = (target: TestProject) => join(target.directory, "Pulumi.dev.yaml");
const read = (target: TestProject) => readFileSync(fileOf(target), "utf8");

/** A program that prints all its configuration. */
const printer = `
const pulumi = require("@pulumi/pulumi");
const entries = Object.entries(JSON.parse(process.env.PULUMI_CONFIG)).sort();
for (const [key, value] of entries) console.log(key + " = " + value);
console.log("secret: " + JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS).sort().join(","));
`;

describe("config", { timeout: 60_000 }, () => {
    it("set, get and rm keep comments, order and quotes of everything else", async () => {
        const target = project();
        const text = '# top\nconfig:\n  # about a\n  proj:a: "1" # one\n  proj:b:\n    - x # first\n    - { y: 2 }\n';
        writeFileSync(fileOf(target), text);
        expect((await target.engine("config", "set", "c", "new")).code).toBe(0);
        expect(read(target)).toBe(`${text}  proj:c: new\n`);
        expect((await target.engine("config", "get", "c")).stdout).toBe("new\n");
        expect((await target.engine("config", "rm", "c")).code).toBe(0);
        expect(read(target)).toBe(text);
    });

    it("set changes a key where the file has it, with or without the project's name", async () => {
        const target = project();
        writeFileSync(fileOf(target), "config:\n  a: 1\n  other:b: 2\n");
        await target.engine("config", "set", "a", "x");
        await target.engine("config", "set", "other:b", "z");
        expect(read(target)).toBe("config:\n  a: x\n  other:b: z\n");
    });

    it("set --path reaches into structures, and gives numbers and booleans their type", async () => {
        const target = project();
        await target.engine("config", "set", "--path", "lab.workers", "5");
        await target.engine("config", "set", "--path", "lab.names[0]", "first");
        await target.engine("config", "set", "--path", 'lab["a.b"].on', "true");
        expect(read(target)).toBe(
            "config:\n  proj:lab:\n    workers: 5\n    names:\n      - first\n    a.b:\n      on: true\n",
        );
        expect((await target.engine("config", "get", "--path", "lab.names[0]")).stdout).toBe("first\n");
        await target.engine("config", "rm", "--path", "lab.workers");
        expect(read(target)).not.toContain("workers");
    });

    it("set quotes words that other readers of YAML take for truth values", async () => {
        const target = project();
        await target.engine("config", "set", "answer", "yes");
        await target.engine("config", "set", "number", "010");
        expect(read(target)).toBe('config:\n  proj:answer: "yes"\n  proj:number: "010"\n');
    });

    it("set --secret writes no plaintext, and needs a salt in the file as the CLI does", async () => {
        const target = project();
        expect((await target.engine("config", "set", "--secret", "token", "hush")).code).toBe(0);
        expect(read(target)).not.toContain("hush");
        expect(read(target)).toMatch(/^encryptionsalt: v1:.*:v1:.*:/m);
        expect(read(target)).toMatch(/proj:token:\n\s+secure: v1:/);
        expect((await target.engine("config", "get", "token")).stdout).toBe("hush\n");
        expect((await target.engine("config")).stdout).toContain("token  [secret]");
        expect((await target.engine("config", "--show-secrets")).stdout).toContain("token  hush");
        target.env.PULUMI_CONFIG_PASSPHRASE = "another";
        expect((await target.engine("config", "get", "token")).stderr).toBe("error: incorrect passphrase\n");
    });

    it("set --secret uses the key of the state, and so refuses a passphrase that is not the state's", async () => {
        const target = project();
        target.write({ resources: [{ name: "a", inputs: { value: { secret: "s" } } }] });
        expect((await target.engine("up", "--yes", "--skip-preview")).code).toBe(0);
        const { PULUMI_CONFIG_PASSPHRASE: right } = target.env;
        target.env.PULUMI_CONFIG_PASSPHRASE = "another";
        const wrong = await target.engine("config", "set", "--secret", "token", "hush");
        expect([wrong.code, wrong.stderr]).toEqual([1, "error: incorrect passphrase\n"]);
        target.env.PULUMI_CONFIG_PASSPHRASE = right;
        expect((await target.engine("config", "set", "--secret", "token", "hush")).code).toBe(0);
        expect((await target.engine("config", "get", "token")).stdout).toBe("hush\n");
        expect((await target.engine("preview", "--expect-no-changes")).code).toBe(0);
    });

    it("without a passphrase says how to set one", async () => {
        const target = project();
        delete target.env.PULUMI_CONFIG_PASSPHRASE;
        const ended = await target.engine("config", "set", "--secret", "token", "hush");
        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
        );
    });

    it("reaches the program: defaults, values, structures and secrets", async () => {
        const target = project();
        extendProject(target, "config:\n  size: {type: integer, default: 3}\n  name: {type: string, default: x}\n");
        await target.engine("config", "set", "name", "y");
        await target.engine("config", "set", "--path", "tree.list[0]", "1");
        await target.engine("config", "set", "--path", "--secret", "tree.deep", "hush");
        await target.engine("config", "set", "other:key", "z");
        target.writeProgram(printer);
        const { stdout, code, all } = await target.engine("preview");
        expect(code, all).toBe(0);
        expect(stdout).toContain("other:key = z\n");
        expect(stdout).toContain("proj:name = y\n");
        expect(stdout).toContain("proj:size = 3\n");
        expect(stdout).toContain('proj:tree = {"deep":"hush","list":[1]}\n');
        expect(stdout).toContain("secret: proj:tree\n");
    });

    it("of a wrong type, or missing, fails before the program runs, and names every key", async () => {
        const target = project();
        extendProject(
            target,
            "config:\n  size: {type: integer, default: 3}\n  must: {type: string}\n  list: {type: array, items: {type: integer}}\n",
        );
        writeFileSync(fileOf(target), "config:\n  proj:size: many\n  proj:list: [1, x]\n");
        target.writeProgram("console.log('the program ran');");
        const ended = await target.engine("preview");
        expect(ended.code).toBe(2);
        expect(ended.stderr).toContain("Stack 'dev' with configuration key 'size' must be of type 'integer'");
        expect(ended.stderr).toContain("Stack 'dev' is missing configuration value 'must'");
        expect(ended.stderr).toContain("Stack 'dev' with configuration key 'list' must be of type 'array<integer>'");
        expect(ended.all).not.toContain("the program ran");
    });

    it("that is wrong does not keep a stack from being destroyed", async () => {
        const target = project();
        target.write({ resources: [{ name: "a", inputs: {} }] });
        expect((await target.engine("up", "--yes", "--skip-preview")).code).toBe(0);
        extendProject(target, "config:\n  must: {type: string}\n");
        const ended = await target.engine("destroy", "--yes", "--skip-preview");
        expect(ended.code, ended.all).toBe(0);
        expect(target.things()).toEqual([]);
    });

    it("file of a stack is not written by any run", async () => {
        const target = project();
        target.write({ resources: [{ name: "a", inputs: { value: { secret: "s" } } }] });
        for (const command of ["preview", "up", "refresh", "destroy"]) {
            const flags = command === "preview" ? [] : ["--yes", "--skip-preview"];
            const ended = await target.engine(command, ...flags);
            expect(ended.code, ended.all).toBe(0);
            expect(existsSync(fileOf(target))).toBe(false);
        }
    });

    it("file with a salt gives the key of the state too", async () => {
        const target = project();
        await target.engine("config", "set", "--secret", "token", "hush");
        target.write({ resources: [], outputs: { hidden: { secret: "x" } } });
        expect((await target.engine("up", "--yes", "--skip-preview")).code).toBe(0);
        const salt = /^encryptionsalt: (.*)$/m.exec(read(target))![1];
        expect(readFileSync(target.stateFile, "utf8")).toContain(`"salt": "${salt}"`);
    });

    it("with a file named by --config-file leaves the stack's own alone", async () => {
        const target = project();
        const other = join(target.directory, "other.yaml");
        writeFileSync(other, "config:\n  proj:a: from-other\n");
        expect((await target.engine("config", "get", "a", "--config-file", other)).stdout).toBe("from-other\n");
        await target.engine("config", "set", "b", "1", "--config-file", other);
        expect(existsSync(fileOf(target))).toBe(false);
        expect(readFileSync(other, "utf8")).toContain("proj:b");
    });

    it("refuses what only the service's environments have", async () => {
        const target = project();
        writeFileSync(fileOf(target), "environment: [shared]\n");
        target.write({ resources: [] });
        expect((await target.engine("preview")).stderr).toContain("`environment` of Pulumi.dev.yaml is not supported");
    });
});
