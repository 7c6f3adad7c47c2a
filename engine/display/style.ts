import type { Op, Severity } from "../events";
import { signs } from "./words";

/** Colours, or none. */
export interface Style {
    op(op: Op, text: string): string;
    sign(op: Op): string;
    severity(severity: Severity, text: string): string;
    heading(text: string): string;
    dim(text: string): string;
}

const colours: Readonly<Partial<Record<Op, number>>> = {
    create: 32,
    update: 33,
    delete: 31,
    replace: 35,
    "create-replacement": 32,
    "delete-replaced": 31,
    discard: 31,
    "discard-replaced": 31,
    refresh: 33,
};

/** A style for a terminal, or for everything else. */
export function newStyle(coloured: boolean): Style {
    const paint = (code: number | undefined, text: string) =>
        coloured && code !== undefined ? `\x1b[${code}m${text}\x1b[0m` : text;
    return {
        op: (op, text) => paint(colours[op], text),
        sign: (op) => signs[op].trimEnd(),
        severity: (severity, text) => paint(severity === "error" ? 31 : 33, text),
        heading: (text) => paint(35, text),
        dim: (text) => paint(2, text),
    };
}
