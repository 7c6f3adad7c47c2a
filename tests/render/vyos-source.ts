/** VyOS's own sources, where somebody has them: what a configuration may say is written down there, release by release. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VyosSeries } from "../../lab/vyos";

/** Folder with clones of VyOS's repositories, each under its own name. */
const sources = process.env.BGP_LAB_VYOS_SOURCE;

/** The repositories that say what a configuration may have, by series. Up to 1.3 some parts were still Vyatta's. */
const repositories: Readonly<Record<VyosSeries, readonly string[]>> = {
    "1.2": ["vyos-1x", "vyatta-cfg-quagga", "vyatta-cfg-system", "vyatta-config-mgmt", "vyatta-nat"],
    "1.3": ["vyos-1x", "vyatta-cfg-quagga", "vyatta-cfg-system", "vyatta-config-mgmt"],
    "1.4": ["vyos-1x"],
    "1.5": ["vyos-1x"],
};

/** Where each of them says it. */
const folders: Readonly<Record<string, string>> = {
    "vyos-1x": "interface-definitions",
    "vyatta-cfg-quagga": "templates",
    "vyatta-cfg-system": "templates",
    "vyatta-config-mgmt": "templates-cfg",
    "vyatta-nat": "templates-cfg",
};

const needed = [...new Set(Object.values(repositories).flat())];

/** Branches of the series, the same in all repositories. */
const branches: Readonly<Record<VyosSeries, string>> = {
    "1.2": "crux",
    "1.3": "equuleus",
    "1.4": "sagitta",
    "1.5": "circinus",
};

/** Why VyOS's sources cannot be asked; undefined where they can. */
export function sourcesMissing(): string | undefined {
    if (sources === undefined) {
        return `BGP_LAB_VYOS_SOURCE is not set (a folder with clones of github.com/vyos: ${needed.join(", ")})`;
    }
    const missing = needed.filter((name) => !existsSync(join(sources, name)));
    return missing.length === 0 ? undefined : `${sources} has no ${missing.join(", ")}`;
}

/** The commit of a repository that was looked at. */
export function commitOf(series: VyosSeries, repository = "vyos-1x"): string {
    const at = join(sources!, repository);
    return execFileSync("git", ["-C", at, "rev-parse", "--short=12", branches[series]], { encoding: "utf8" }).trim();
}

/** Runs something with the files of a series unpacked; folders are named like the repositories. */
export function withSources<T>(series: VyosSeries, look: (folder: string) => T): T {
    const folder = mkdtempSync(join(tmpdir(), `bgp-lab-vyos-${series}-`));
    try {
        for (const repository of repositories[series]) {
            const prefix = `${repository}/`;
            const tar = execFileSync(
                "git",
                [
                    "-C",
                    join(sources!, repository),
                    "archive",
                    `--prefix=${prefix}`,
                    branches[series],
                    folders[repository]!,
                ],
                { maxBuffer: 256 * 1024 * 1024 },
            );
            execFileSync("tar", ["-x", "-C", folder], { input: tar });
        }
        return look(folder);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** What may be at one place of a configuration. */
export interface Grammar {
    kind: "node" | "tag" | "value" | "switch";
    readonly children: Map<string, Grammar>;
    /** Each says what is wrong with a value, or nothing. */
    readonly rules: ((value: string) => string | undefined)[];
}

function grammarNode(kind: Grammar["kind"]): Grammar {
    return { kind, children: new Map(), rules: [] };
}

/** The grammar of a series, from the unpacked sources. */
export function grammarOf(folder: string): Grammar {
    const root = grammarNode("node");
    for (const repository of readdirSync(folder)) {
        const read = repository === "vyos-1x" ? readDefinitions : readTemplates;
        read(join(folder, repository, folders[repository]!), root);
    }
    return root;
}

/**
 * What VyOS would say to a path of words.
 *
 * @returns undefined if it is allowed
 */
export function objection(root: Grammar, path: readonly string[]): string | undefined {
    let at = root;
    for (let index = 0; index < path.length; index += 1) {
        const name = path[index]!;
        const child = at.children.get(name);
        if (child === undefined) {
            return `no "${name}" after "${path.slice(0, index).join(" ")}"`;
        }
        at = child;
        if (at.kind === "tag" || at.kind === "value") {
            index += 1;
            const value = path[index];
            if (value === undefined) {
                return `"${path.join(" ")}" needs a value`;
            }
            const wrong = at.rules.map((rule) => rule(value)).find((each) => each !== undefined);
            if (wrong !== undefined) {
                return `"${path.slice(0, index + 1).join(" ")}": ${wrong}`;
            }
        }
        if ((at.kind === "value" || at.kind === "switch") && index < path.length - 1) {
            return `nothing may follow "${path.slice(0, index + 1).join(" ")}"`;
        }
    }
    return undefined;
}

// interface definitions (XML)

interface Element {
    readonly name: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly children: Element[];
    text: string;
}

/** The definitions of a folder with what they include, as the C preprocessor puts it in at VyOS's build. */
function readDefinitions(folder: string, root: Grammar): void {
    const files = readdirSync(folder).filter((name) => /\.xml(\.in)?$/.test(name));
    for (const name of files.sort()) {
        for (const each of parseXml(expand(folder, name)).children) {
            readElement(each, root);
        }
    }
}

function expand(folder: string, name: string): string {
    const text = readFileSync(join(folder, name), "utf8");
    return text.replace(/^[ \t]*#include <(.*)>/gm, (_, included: string) => expand(folder, included));
}

/** VyOS's definitions need no more of XML than this: elements, attributes, text, comments and a few entities. */
function parseXml(text: string): Element {
    const top: Element = { name: "", attributes: {}, children: [], text: "" };
    const open = [top];
    const tokens = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<(\/?)([\w-]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>|([^<]+)/g;
    for (const [, closing, name, attributes, single, plain] of text.matchAll(tokens)) {
        const parent = open.at(-1)!;
        if (plain !== undefined) {
            parent.text += plain;
        } else if (closing === "/") {
            open.pop();
        } else if (name !== undefined) {
            const element: Element = { name, attributes: attributesOf(attributes ?? ""), children: [], text: "" };
            parent.children.push(element);
            if (single !== "/") {
                open.push(element);
            }
        }
    }
    return top.children.find(({ name }) => name === "interfaceDefinition") ?? top;
}

function attributesOf(text: string): Record<string, string> {
    const pairs = [...text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)];
    return Object.fromEntries(pairs.map(([, name, double, single]) => [name ?? "", decode(double ?? single ?? "")]));
}

function decode(text: string): string {
    const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
    return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name] ?? "");
}

function within(element: Element, ...path: readonly string[]): readonly Element[] {
    return path.reduce<readonly Element[]>(
        (found, name) => found.flatMap(({ children }) => children.filter((each) => each.name === name)),
        [element],
    );
}

/** Definitions of one place may be spread over files. */
function readElement(element: Element, parent: Grammar): void {
    const kinds: Readonly<Record<string, Grammar["kind"]>> = { node: "node", tagNode: "tag", leafNode: "value" };
    const kind = kinds[element.name];
    if (kind === undefined) {
        return;
    }
    const name = element.attributes.name!;
    const own = parent.children.get(name) ?? grammarNode(kind);
    parent.children.set(name, own);
    own.kind = own.kind === "switch" || within(element, "properties", "valueless").length > 0 ? "switch" : kind;
    for (const constraint of within(element, "properties", "constraint")) {
        own.rules.push(constraintRule(constraint));
    }
    for (const child of within(element, "children").flatMap(({ children }) => children)) {
        readElement(child, own);
    }
}

/** A value must meet one of the conditions of a constraint. */
function constraintRule(constraint: Element): (value: string) => string | undefined {
    const tests = constraint.children.map(({ name, attributes, text }) =>
        name === "regex"
            ? { says: text.trim(), holds: matches(decode(text.trim())) }
            : validator(`${attributes.name} ${attributes.argument ?? ""}`.trim()),
    );
    return (value) =>
        tests.length === 0 || tests.some(({ holds }) => holds(value))
            ? undefined
            : `${value} is none of ${tests.map(({ says }) => says).join(", ")}`;
}

function matches(pattern: string): (value: string) => boolean {
    const whole = new RegExp(`^(?:${pattern.replace(/\(\?P</g, "(?<")})$`);
    return (value) => whole.test(value);
}

interface Test {
    readonly says: string;
    readonly holds: (value: string) => boolean;
}

const octet = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

function isIpv4(value: string): boolean {
    return ipv4.test(value);
}

/** Through the parser of URLs, which knows all forms. */
function isIpv6(value: string): boolean {
    return value.includes(":") && /^[0-9a-fA-F:.]+$/.test(value) && URL.canParse(`http://[${value}]/`);
}

function isPrefix(value: string, isAddress: (text: string) => boolean, bits: number): boolean {
    const [address = "", length = "", ...rest] = value.split("/");
    return rest.length === 0 && isAddress(address) && /^[0-9]{1,3}$/.test(length) && Number(length) <= bits;
}

const isIpv4Prefix = (value: string) => isPrefix(value, isIpv4, 32);
const isIpv6Prefix = (value: string) => isPrefix(value, isIpv6, 128);

/** Whether a prefix has no bits behind its length, by the arithmetic of `ip` addresses alone. */
function isIpv4Network(value: string): boolean {
    const [address = "", length = "0"] = value.split("/");
    const number = address.split(".").reduce((sum, each) => sum * 256 + Number(each), 0);
    return isIpv4Prefix(value) && number % 2 ** (32 - Number(length)) === 0;
}

function isNumber(value: string, lists: readonly string[]): boolean {
    const inRange = lists.some((list) => {
        const [low = 0, high = low] = list.split("-").map(Number);
        return Number(value) >= low && Number(value) <= high;
    });
    return /^[0-9]+$/.test(value) && (lists.length === 0 || inRange);
}

/** The validators of vyos-1x src/validators that the lab's configurations meet; a new one must be put in here. */
const validators: Readonly<Record<string, (value: string) => boolean>> = {
    "ipv4-address": isIpv4,
    ipv4: (value) => isIpv4(value) || isIpv4Prefix(value),
    "ipv6-address": isIpv6,
    "ip-address": (value) => isIpv4(value) || isIpv6(value),
    "ipv4-prefix": isIpv4Network,
    "ipv6-prefix": isIpv6Prefix,
    "ip-prefix": (value) => isIpv4Network(value) || isIpv6Prefix(value),
    "ipv4-host": isIpv4Prefix,
    "ipv6-host": isIpv6Prefix,
    "ip-host": (value) => isIpv4Prefix(value) || isIpv6Prefix(value),
    fqdn: matches("[a-zA-Z0-9.-]+"),
    "bgp-rd-rt --route-distinguisher": matches("[0-9.]+:[0-9]+"),
    "bgp-rd-rt --route-target-multi": matches("[0-9.]+:[0-9]+( [0-9.]+:[0-9]+)*"),
    "vrf-name": matches("[A-Za-z][A-Za-z0-9_.-]{0,14}"),
};

/** Conditions that other words of the same constraint leave open; they never hold here. */
const neverHere =
    /^(ipv[46]-(range|address-exclude|prefix-exclude|range-exclude|multicast|link-local)|file-path|port-range|mac-address|ipv6-eui64-prefix)/;

function validator(says: string): Test {
    const ranges = [...says.matchAll(/--range ([0-9-]+)/g)].map((match) => match[1]!);
    if (says.startsWith("numeric")) {
        return { says, holds: (value) => isNumber(value, ranges) };
    }
    const holds = validators[says] ?? (neverHere.test(says) ? () => false : undefined);
    return {
        says,
        holds: (value) => {
            if (holds === undefined) {
                throw new Error(`VyOS's validator "${says}" is not known to this test; what does it say to ${value}?`);
            }
            return holds(value);
        },
    };
}

// Vyatta's templates

/** A folder per node, `node.tag` for what stands under a tag, and `node.def` for what the node is. */
function readTemplates(folder: string, parent: Grammar): void {
    for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (!statSync(path).isDirectory()) {
            continue;
        }
        const file = join(path, "node.def");
        const text = existsSync(file) ? readFileSync(file, "utf8").replace(/\\\n\s*/g, "") : "";
        const own = parent.children.get(name) ?? grammarNode(kindOf(text, path));
        parent.children.set(name, own);
        own.rules.push(...templateRules(text));
        const below = join(path, "node.tag");
        readTemplates(existsSync(below) ? below : path, own);
    }
}

function kindOf(text: string, path: string): Grammar["kind"] {
    if (/^tag:/m.test(text)) {
        return "tag";
    }
    const hasChildren = readdirSync(path).some((name) => statSync(join(path, name)).isDirectory());
    return /^type:/m.test(text) ? "value" : hasChildren ? "node" : "switch";
}

const types: Readonly<Record<string, (value: string) => boolean>> = {
    txt: () => true,
    u32: matches("[0-9]+"),
    ipv4: isIpv4,
    ipv6: isIpv6,
    ipv4net: isIpv4Prefix,
    ipv6net: isIpv6Prefix,
};

function templateRules(text: string): ((value: string) => string | undefined)[] {
    const named =
        /^type:\s*([\w, ]+)/m
            .exec(text)?.[1]
            ?.split(",")
            .map((each) => each.trim()) ?? [];
    const expressions = [...text.matchAll(/^syntax:expression:\s*(.*)$/gm)].map((match) => match[1]!);
    const isOfType = (value: string) =>
        named.length === 0 || named.some((type) => types[type]?.(value) ?? unknown(`type ${type}`, value))
            ? undefined
            : `${value} is no ${named.join(" or ")}`;
    return [
        isOfType,
        ...expressions.map(
            (expression) => (value: string) =>
                evaluate(expression, value) ? undefined : `${value} breaks ${expression}`,
        ),
    ];
}

function unknown(what: string, value: string): never {
    throw new Error(`Vyatta's ${what} is not known to this test; what does it say to ${value}?`);
}

/** Programs that a template asks; by what their call has in it. */
const programs: readonly (readonly [RegExp, (value: string) => boolean])[] = [
    [/ipv4-prefix/, isIpv4Network],
    [/ipv6-prefix/, isIpv6Prefix],
    [/--is-ipv4-net/, isIpv4Network],
    [/--is-ipv6-net/, isIpv6Prefix],
    [/valid_address/, (value) => isIpv4Prefix(value) || isIpv6Prefix(value)],
    [/--check-neighbor-ip/, (value) => isIpv4(value) || isIpv6(value) || /^eth[0-9]+$/.test(value)],
    [/--check-remote-as/, (value) => /^(internal|external)$/.test(value) || isNumber(value, ["1-4294967294"])],
    [/--check-peergroup-name/, matches("[A-Za-z0-9_-]+")],
    // What is there is the machine's affair, not the grammar's.
    [/-d \/sys\/class\/net/, () => true],
    [/check_username/, matches("[a-z_][a-z0-9_-]*")],
    [/--check=loopback/, (value) => value === "lo"],
    [/an integer with an optional/, matches("[+-]*[0-9]*")],
];

/** The expressions of templates that the lab's configurations meet. */
function evaluate(expression: string, value: string): boolean {
    const listed = /^\$VAR\(@\) in ([^;]*)/.exec(expression)?.[1];
    if (listed !== undefined) {
        return listed.split(",").some((each) => each.trim().replaceAll('"', "") === value);
    }
    const patterns = [...expression.matchAll(/(!?)\s*\(?\s*pattern \$VAR\(@\) "([^"]*)"/g)];
    if (patterns.length > 0) {
        const results = patterns.map(([, not, pattern = ""]) => matchesPart(pattern, value) !== (not === "!"));
        return expression.includes("||") ? results.some(Boolean) : results.every(Boolean);
    }
    const regex = /validate-value.* --regex \\'(.*?)\\'/.exec(expression)?.[1];
    if (regex !== undefined) {
        return matchesPart(regex, value);
    }
    const bounds = [...expression.split(";")[0]!.matchAll(/\$VAR\(@\)\s*(>=|<=|>|<|==|!=)\s*"?([0-9]+)"?/g)];
    if (bounds.length > 0) {
        return holdsBounds(expression, bounds, Number(value));
    }
    const program = programs.find(([call]) => call.test(expression));
    return program === undefined ? unknown(`expression ${expression}`, value) : program[1](value);
}

/** A backslash is written twice there. */
function matchesPart(pattern: string, value: string): boolean {
    return new RegExp(pattern.replaceAll("\\\\", "\\")).test(value);
}

function holdsBounds(expression: string, bounds: readonly RegExpExecArray[], value: number): boolean {
    const results = bounds.map(([, operator, limit]) => {
        switch (operator) {
            case ">=":
                return value >= Number(limit);
            case "<=":
                return value <= Number(limit);
            case ">":
                return value > Number(limit);
            case "<":
                return value < Number(limit);
            case "==":
                return value === Number(limit);
            default:
                return value !== Number(limit);
        }
    });
    // Zero, or a range: no template mixes the two in another way.
    const alternatives = expression.includes("||");
    return alternatives ? results[0]! || results.slice(1).every(Boolean) : results.every(Boolean);
}
