import { library } from '../../tsup.library.ts'

export default library({ entry: ['src/index.ts'] })
