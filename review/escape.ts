/**
 * Text from a lab as Markdown that says the same and does nothing else. Names and messages may come from anybody's pull
 * request: they must not end a fence, a table or an element, call people (`@name`), refer to issues (`#1`) or make links.
 */

/** Characters that steer: line ends, terminal sequences, directions of writing, joiners, halves of characters. */
const steering = /\p{C}+/gu;

/** Keeps GitHub from seeing what the characters around it would mean together; nobody sees it. */
const nothing = "&#8203;";

/** Text on one line, without characters that steer a terminal or a renderer. */
export function oneLine(text: string): string {
    return text.replace(/\s+/g, " ").replace(steering, "").trim();
}

/** Text on one line of at most so many characters. */
export function clipped(text: string, most: number): string {
    const characters = [...oneLine(text)];
    return characters.length <= most ? characters.join("") : `${characters.slice(0, most - 1).join("")}…`;
}

const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    // In a table even a code span ends at a bar.
    "|": "&#124;",
    // Two of them make a formula; GitHub names this way to have one that does not.
    $: "<span>$</span>",
};

/** Text inside an HTML element, where Markdown is not read. */
export function html(text: string): string {
    return inert(oneLine(text).replace(/[&<>|$]/g, (character) => entities[character]!));
}

/**
 * Takes away what GitHub makes of text once it is rendered: people, issues, commits, links and emoji (GitHub
 * documentation, Autolinked references and URLs).
 */
function inert(text: string): string {
    return text
        .replace(/@(?=\S)/g, `@${nothing}`)
        .replace(/(?<!&)#(?=\w)/g, `#${nothing}`)
        .replace(/gh-(?=\d)/gi, (start) => `${start}${nothing}`)
        .replace(/www(?=\.)/gi, (start) => `${start}${nothing}`)
        .replace(/:(?=\S)/g, `:${nothing}`)
        .replace(/\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b/gi, (hash) => {
            return `${hash.slice(0, 4)}${nothing}${hash.slice(4)}`;
        });
}

/** Addresses, networks with their lengths, names of faults, keys of the configuration and places in a lab: what reads better in a code span. */
const literal =
    /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?(?!\w)|(?=[0-9a-f]*:[0-9a-f:]*:)[0-9a-f:]{2,39}(?:\/\d{1,3})?(?![\w:])|(?:link|node|session|daemon):[\w.:-]*[\w-]|(?:bgp-lab:|(?:routers|hosts|segments|cluster)[.[])[\w.[\]-]*[\w\]])/gi;

/** Prose with names in it, as Markdown within a line. Addresses become code spans. */
export function prose(text: string): string {
    const line = oneLine(text);
    const parts: string[] = [];
    let end = 0;
    for (const match of line.matchAll(literal)) {
        parts.push(escaped(line.slice(end, match.index)), code(match[0]));
        end = match.index + match[0].length;
    }
    return [...parts, escaped(line.slice(end))].join("").replace(/^([-+=]|\d+(?=[.)]))/, startsNoBlock);
}

/** What would begin a list or underline a heading at the start of a line. */
function startsNoBlock(start: string): string {
    return /\d/.test(start) ? `${start}${nothing}` : `\\${start}`;
}

function escaped(text: string): string {
    return inert(
        text.replace(/[\\`*_[\]~]/g, (character) => `\\${character}`).replace(/[&<>|$]/g, (each) => entities[each]!),
    ).replace(/^#/, "\\#");
}

/** Text as it is written, as a code span, also within a table. */
export function code(text: string): string {
    const line = oneLine(text);
    if (line === "") {
        return "";
    }
    return /[`|\\]/.test(line) ? `<code>${escaped(line)}</code>` : `\`${line}\``;
}

/** A code block that no line of the text can end. */
export function fenced(language: string, text: string): string {
    const content = text.replace(/\r\n?/g, "\n").replace(/[^\P{C}\n\t]/gu, "");
    const longest = Math.max(2, ...(content.match(/`+/g) ?? []).map(({ length }) => length));
    const fence = "`".repeat(longest + 1);
    return `${fence}${language}\n${content.replace(/\n$/, "")}\n${fence}`;
}
