import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

/** What a piece of a comment became. */
export interface Rendered {
    readonly html: string;
    /** What a reader sees. */
    readonly seen: string;
    /** What a reader sees outside of code, in which GitHub looks for people, issues and links. */
    readonly text: string;
    /** Names of the elements in order of their start tags. */
    readonly elements: readonly string[];
    /** What stands in code blocks and code spans. */
    readonly code: readonly string[];
}

/** Renders Markdown as GitHub does, raw HTML included, up to where GitHub looks for names and numbers in the text. */
export function rendered(markdown: string): Rendered {
    const html = micromark(markdown, {
        allowDangerousHtml: true,
        extensions: [gfm()],
        htmlExtensions: [gfmHtml()],
    });
    return {
        html,
        seen: plain(html),
        text: plain(html.replace(/<code\b[^>]*>[\s\S]*?<\/code>/g, "\u0000")),
        elements: [...html.matchAll(/<([a-z][a-z0-9]*)\b/g)].map(([, name]) => name!),
        code: [...html.matchAll(/<code\b[^>]*>([\s\S]*?)<\/code>/g)].map(([, content]) => plain(content!)),
    };
}

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** HTML without its tags, and with characters for entities. */
function plain(html: string): string {
    return html
        .replace(/<[^>]*>/g, "")
        .replace(/&#(\d+);/g, (_, number: string) => String.fromCodePoint(Number(number)))
        .replace(/&(amp|lt|gt|quot);/g, (_, name: string) => named[name]!);
}

/** What GitHub would make of the text beyond Markdown: people, issues, commits, links, emoji and formulas. */
export function references(text: string): readonly string[] {
    const patterns = [
        /@[A-Za-z0-9][\w/-]*/g,
        /#\d+/g,
        /\bGH-\d+/gi,
        /\b(?:https?|ftp):\/\/\S/gi,
        /\bwww\.\S/gi,
        /:[a-z0-9_+-]+:/gi,
    ];
    return patterns.flatMap((pattern) => text.match(pattern) ?? []);
}
