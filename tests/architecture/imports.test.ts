import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(__dirname, "../..");

/** What each part may import besides itself, as docs/architecture.md tells. */
const allowed: Readonly<Record<string, readonly string[]>> = {
    lab: [],
    routing: ["lab"],
    render: ["lab", "provider/schema"],
    review: ["lab", "routing", "render"],
    stacks: ["lab"],
    verify: ["lab", "routing", "render"],
    engine: ["scripts/fast-struct.cjs"],
    provider: ["lab", "routing", "render", "verify", "package.json", "scripts/fast-struct.cjs"],
    policy: ["lab"],
    controller: [
        "lab",
        "render/kubernetes",
        "render/pod-neighbors",
        "provider/schema",
        "provider/daemons/frr-reads",
        "provider/daemons/gobgp-api",
        "provider/daemons/gobgp-policy",
        "provider/daemons/gobgp-tables",
        "provider/daemons/vty",
        "provider/sandbox/client",
        "provider/sandbox/controller-files",
        "provider/sandbox/protocol",
    ],
    components: ["lab", "routing", "render", "verify", "provider/schema"],
    commands: ["lab", "routing", "render", "review", "stacks", "verify", "provider", "policy"],
};

/** Parts that stay free of side effects: neither Pulumi nor the operating system. */
const pure = ["lab", "routing", "render", "review", "stacks"];

function sources(folder: string): string[] {
    return readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) {
            return sources(path);
        }
        return path.endsWith(".ts") ? [path] : [];
    });
}

function imports(file: string): string[] {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/(?:from|import|import\(|require\()\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function permitted(part: string, target: string): boolean {
    return [part, ...(allowed[part] ?? [])].some((entry) => target === entry || target.startsWith(`${entry}/`));
}

describe("the parts of the project", () => {
    it.each(Object.keys(allowed))("%s imports only what the architecture allows", (part) => {
        const wrong = sources(join(root, part)).flatMap((file) =>
            imports(file)
                .filter((specifier) => specifier.startsWith("."))
                .map((specifier) => relative(root, resolve(dirname(file), specifier)))
                .filter((target) => !permitted(part, target))
                .map((target) => `${relative(root, file)} imports ${target}`),
        );
        expect(wrong).toEqual([]);
    });

    it("the peering controller decides and converges without knowing a runtime or a cluster", () => {
        const core = ["reconcile", "loop", "retry", "bell", "outcome", "permits"];
        const wrong = core.flatMap((name) =>
            imports(join(root, "controller", `${name}.ts`))
                .filter((specifier) => !/^\.\.\/lab\//.test(specifier) && specifier !== "../provider/schema")
                .filter((specifier) => !core.some((other) => specifier === `./${other}`))
                .map((specifier) => `${name} imports ${specifier}`),
        );
        expect(wrong).toEqual([]);
    });

    it.each(pure)("%s is pure: no Pulumi, no files, no processes, no network", (part) => {
        const impure = /^(node:(?!crypto$)|@pulumi\/|@grpc\/|koffi)/;
        const wrong = sources(join(root, part)).flatMap((file) =>
            imports(file)
                .filter((specifier) => impure.test(specifier))
                .map((specifier) => `${relative(root, file)} imports ${specifier}`),
        );
        expect(wrong).toEqual([]);
    });
});
