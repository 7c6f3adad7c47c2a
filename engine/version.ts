/** Release of the CLI whose behaviour this engine follows; recorded in checkpoints, where the CLI expects a version. */
export const version = "v3.248.0";
