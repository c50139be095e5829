import { writeFileSync } from 'node:fs';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';

export function writeReport(file: string, text: string): Result<void, Problem> {
  try {
    writeFileSync(file, text);
    return ok(undefined);
  } catch (error) {
    const remedy = 'name a file in a folder that there is and that this user may write';
    return err(problem('HW5013', `${file} cannot be written: ${(error as Error).message}`, { remedy }));
  }
}
