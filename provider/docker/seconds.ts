import type { Seconds } from "../../lab/model";

/** Milliseconds as seconds, to a tenth, as outputs tell how long something took. */
export function inSeconds(milliseconds: number): Seconds {
    return Math.round(milliseconds / 100) / 10;
}
