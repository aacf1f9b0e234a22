import { endStage } from './held.ts';

export default endStage;
