/** Every answer of the control API has its version in this header: a client recognises a sandbox by it. */
export const VERSION_HEADER = 'hongbao-sandbox'

/** Changes when an older command no longer works with a newer sandbox. */
export const CONTROL_VERSION = '1'
