/** Where a value stands in a JSON document, e.g. `["routers", "router0", "bgp", "neighbors", 2, "remoteAsn"]`. */
export type Path = readonly (string | number)[];

/** Text of a path as Pulumi's `config --path` reads it: `routers.router0.bgp.neighbors[2].remoteAsn`. */
export function formatPath(path: Path): string {
    return path
        .map((step, index) => {
            if (typeof step === "number") {
                return `[${step}]`;
            }
            if (!/^[A-Za-z0-9_:-]+$/.test(step)) {
                return `[${JSON.stringify(step)}]`;
            }
            return index === 0 ? step : `.${step}`;
        })
        .join("");
}
