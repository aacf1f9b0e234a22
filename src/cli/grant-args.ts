import { string } from '@oclif/core/args';

/** `WHO ROLE OBJECT` of `admin grant` and `admin revoke`. */
export const grantArgs = {
  who: string({
    required: true,
    description:
      'account name, e-mail address, "ISSUER SUBJECT", group:NAME, or a principal as "admin whois" prints it',
  }),
  role: string({
    required: true,
    description:
      'system: admin, auditor. federation: admin, operator, runner, viewer. run: operator, viewer. group: member',
  }),
  object: string({ required: true, description: 'system, federation:@owner/name, run:ID or group:NAME' }),
};
