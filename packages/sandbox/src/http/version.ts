/** Every answer of a sandbox's control API names its version here, so that nothing else is taken for one. */
export const VERSION_HEADER = 'hongbao-sandbox'

/** Changes when an older command could no longer speak with a newer sandbox. */
export const CONTROL_VERSION = '1'
