/* Which texts hold a secret, and that all of it is hidden. In texts, what must not be seen has "pw1" or "pw9x" in it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets.h"

static const char *const secret_texts[] = {
    "echo -e 'pw1\\npw1' | passwd root",
    "echo 'root:pw1' | chpasswd",
    "printf 'root:pw1' | chpasswd",
    "echo root:pw1 | sudo chpasswd",
    "echo root:pw1 | /usr/sbin/chpasswd",
    "echo -e root:pw1 | chpasswd",
    "chpasswd <<< 'root:pw1'",
    "chpasswd <<EOF\nroot:pw1\nEOF",
    "(echo pw1; echo pw1) | passwd bob",
    "yes pw1 | passwd",
    "usermod --password pw1 bob",
    "useradd -m -p pw1 bob",
    "useradd -m -s /bin/bash -p $(openssl passwd -1 pw1) bob",
    "echo 'pw1' | sudo -S ls",
    "wget --password=pw1 x",
    "wget --http-password=pw1 x",
    "wget --header=\"Authorization: Bearer abcdef\" x",
    "git clone https://u:pw1@h/x",
    "git clone https://oauth2:abc123@gitlab.com/x",
    "curl -u u:pw1 x",
    "curl -uu:pw1 x",
    "curl --user=u:pw1 x",
    "curl --user u:pw1 x",
    "mysql -uroot -ppw1",
    "mysql -u root -p'pw1'",
    "mysql --password=pw1",
    "/usr/bin/mysql -uroot -ppw1",
    "docker login -u u -p pw1",
    "npm config set //r/:_authToken=abcdefabcdef",
    "npm config set //registry.npmjs.org/:_authToken abcdefabcdef",
    "npm config set _authToken abcdefabcdef",
    "aws configure set aws_secret_access_key abcdefabcdef",
    "git config --global http.extraheader 'AUTHORIZATION: basic abcdef'",
    "echo 'machine github.com login u password pw1' > ~/.netrc",
    "echo 'password: pw1' > c",
    "keytool -storepass s3cret x",
    "keytool -genkey -keypass s3cret x",
    "ssh-keygen -N 'pw1' -f k",
    "ssh-keygen -t rsa -N pw1",
    "echo 'requirepass foobared1' >> /etc/redis.conf",
    "psql -c \"ALTER USER postgres WITH PASSWORD 'pw1x'\"",
    "psql --command \"CREATE USER docker WITH SUPERUSER PASSWORD 'docker';\"",
    "mysql -e \"CREATE USER 'a'@'%' IDENTIFIED BY 'pw1x'\"",
    "mysql -e \"SET PASSWORD = PASSWORD('pw1x')\"",
    "mysqladmin -u root password pw1x",
    "openssl req -passout pass:pw1",
    "export TOKEN=abc123; x",
    "TOKEN=abc123 ./x",
    "./x --password pw1",
    "./x --api-key=abc123",
    "./x --token abc123",
    "./x -password pw1",
    "./x -token=abc123",
    "echo '{\"auths\":{\"r\":{\"auth\":\"dXNlcjpwdw==\"}}}' > c",
    "echo 'db_password = \"pw1\"' > c",
    "sed -i 's/^password=.*/password=pw1/' c",
    "echo \"//registry.npmjs.org/:_authToken=npm123abc\" > .npmrc",
    "pip install --extra-index-url https://u:pw1@h/simple x",
    "echo 'https://u:pw1@github.com' > ~/.git-credentials",
    "sshpass -p pw1 ssh x",
    "sshpass -ppw1 ssh x",
    "smbclient -U u%pw1 x",
    "echo pw1 | docker login --password-stdin",
    "htpasswd -bc f u pw1",
    "htpasswd -b -c f u pw1",
    "vncpasswd -f <<< pw1",
    "echo 'pw1' | vncpasswd -f",
    "x11vnc -storepasswd pw1 f",
    "redis-cli -a pw1",
    "echo 'rpcpassword=pw1' > c",
    "gpg --batch --passphrase pw1 x",
    "jupyter --NotebookApp.token=abc1",
    "jupyter --NotebookApp.password='sha1:abc'",
    "adduser --disabled-password bob && echo 'bob:pw1' | chpasswd",
    "xmlstarlet -v '<password>pw1x</password>'",
    "echo '<password>pw1x</password>' > settings.xml",
    "echo \"user:$(openssl passwd -1 pw1x)\" > /etc/nginx/htpasswd",
    "sed -i 's/root:x:/root:$6$abcdefgh$abcdefghijklmnopqrstuvwxyz:/' /etc/shadow",
    "echo \"mysql-server mysql-server/root_password password root\" | debconf-set-selections",
    "echo \"mysql-server mysql-server/root_password_again password root\" | debconf-set-selections",
    "rabbitmqctl add_user bob s3cret && rabbitmqctl set_user_tags bob administrator",
    "sh -c \"mysql -uroot -ppw9x\" && echo \"x\"",
    "(echo pw9x; sleep 1; echo pw9x) | passwd bob",
    "cat <<EOF | chpasswd\nroot:pw9x\nbob:$PW\nEOF\n",
    "chpasswd <<EOF\nroot:pw9x\nbob:pw8x\nEOF\necho fine",
    "ENV PASSWORD pw9x",
    "ENV TOKEN=x9 PASSWORD=\"a b\"",
    "CMD [\"mysqladmin\" \"ping\" \"-ppw9x\"]",
    "CMD [\"mysqladmin\",\"ping\",\"-ppw9x\"]",
    "printf '%s\\n%s\\n' pw9x pw9x | passwd root",
    "echo \"root:${ROOT_PASSWORD:-pw9x}\" | chpasswd",
    "curl -H \"Authorization: bearer abcdef123\" x",
    "vault login s.abcdef",
    "echo pw9x | docker login -u x --password-stdin r.io",
    "docker login -u x --password-stdin r.io <<< pw9x",
    "echo 'machine x' > ~/.netrc && echo 'login u' >> ~/.netrc && echo 'password pw9x' >> ~/.netrc",
    "printf 'machine x\\nlogin u\\npassword pw9x\\n' > ~/.netrc",
    "echo \"db.url=jdbc:x;user=a;password=pw9x;\" > f",
    "echo $'root:pw9x' | chpasswd",
    "keytool -storepass:env PW -keypass pw9xx",
    "adduser --disabled-password --gecos \"\" app && echo \"app:app\" | chpasswd",
    "openssl req -new -x509 -passout pass:pw9x -keyout k",
    "openssl enc -aes-256-cbc -k pw9x -in x",
    "openssl passwd -6 -salt ab pw9x",
    "curl -fsSL https://user:pw9x@h/x -o y",
    "wget \"https://x/?token=abc123&x=1\"",
};

static const char *const harmless_texts[] = {
    "PASSWORD=$(cat /run/secrets/p) ./x",
    "TOKEN=`cat x` ./x",
    "export TOKEN=$(cat /t)",
    "./x --password=$PW",
    "./x --password \"$PW\"",
    "./x --password-file /x",
    "./x --password /run/secrets/p",
    "passwd -d root",
    "passwd -l root",
    "echo \"root:${PW}\" | chpasswd",
    "echo \"root:$PW\" | chpasswd",
    "ssh-keygen -N '' -f k",
    "ssh-keygen -A",
    "adduser --disabled-password --gecos '' app",
    "adduser -D app",
    "curl -u $U:$P x",
    "curl --user \"${U}:${P}\" x",
    "curl -u user: x",
    "mysql -p$PW",
    "mysql -p x",
    "useradd -p '*' x",
    "useradd -p '!' x",
    "curl https://x/token",
    "git clone https://github.com/x/token.git",
    "npm ci --auth-type=legacy",
    "echo password",
    "apt-get install -y libsecret-1-0",
    "pip install keyrings.auth",
    "sed -i 's/^password .*//' c",
    "./configure --with-token",
    "gpg --passphrase '' x",
    "apt-get install -y passwd",
    "sed -i 's/PasswordAuthentication yes/PasswordAuthentication no/' sshd",
    "echo 'PermitRootLogin without-password' > c",
    "echo 'auth: true' > c",
    "sed -i 's#nullok_secure#nullok#' c",
    "mkdir -p /secrets",
    "echo 'PasswordAuthentication no' >> c",
    "grep -q token f",
    "wget http://auth.docker.io:443/token",
    "export GNUPGHOME=$(mktemp -d)",
    "git clone git@github.com:a/b",
    "docker login --password-stdin",
    "git clone https://user@h/x",
    "rm -f ~/.git-credentials",
    "echo 'PASSWORD=${PASSWORD}' > e",
    "--mount=type=secret,id=t cat /run/secrets/t",
    "npm config set _authToken $NPM_TOKEN",
    "npm config set //r/:_authToken=${NPM_TOKEN}",
    "git config --global url.https://x-access-token:${T}@github.com/.insteadOf https://github.com/",
    "git config --global url.\"https://$T@github.com/\".insteadOf https://github.com/",
    "chpasswd < /run/secrets/p",
    "tokenize --tokens 5",
    "useradd -m -p \"$PW\" bob",
    "keytool -storepass changeit x",
    "sed -i 's/password: .*/password: ${PW}/' c",
    "echo \"u ALL=(ALL) NOPASSWD:ALL\" >> /etc/sudoers",
    "mysql -uroot -p$MYSQL_ROOT_PASSWORD -e 'select 1'",
    "sh -c \"mysql -uroot -p$PW\" && echo \"x\"",
    "env TOKEN ./x",
    "echo root:`cat /run/secrets/x` | chpasswd",
    "echo 'root:*' | chpasswd -e",
    "git config --global credential.helper store",
    "apt-get install -y passwd=1:4.8.1-1 libsecret-1-0=0.20.4-2 python3-secretstorage",
    "pip install keyrings.auth==5.0",
    "if [ \"$TOKEN\" = \"abc\" ]; then x; fi",
    "[ -z \"$PASSWORD\" ] || echo \"PASSWORD = $PASSWORD\"",
    "python -c \"import getpass; password = getpass.getpass()\"",
    "yes | apt-get install x",
    "echo y | sudo -S x",
    "echo foo | grep passwd",
    "ssh-keygen -t rsa -f k -N \"\" -q",
    "echo x | openssl passwd -stdin -6",
    "LABEL usage=\"docker run -e PASSWORD=<your password> x\"",
    "./configure --with-pam --with-openssl --enable-token=no",
    "cat /etc/passwd | cut -d: -f1",
    "grep -q \"^root:\" /etc/passwd || echo \"root:x:0:0:root:/root:/bin/sh\" >> /etc/passwd",
    "wget \"https://x/?token=$T\"",
    "docker run -e TOKEN --token-file x",
};

struct variable {
    const char *name, *value;
};

static const struct variable secret_variables[] = {
    {"PASSWORD_DB", "hunter2"},
    {"ROOT_PASSWORD_AGAIN", "hunter2"},
    {"PASSWORD_FROM", "hunter2"},
    {"DB_PASSWORD", "hunter2"},
    {"DBPASS", "hunter2"},
    {"SSHPASS", "hunter2"},
    {"ADMINPASS", "x7"},
    {"ROOTPW", "abc1"},
    {"DB_PWD", "abc1"},
    {"LDAP_BIND_PW", "abc1"},
    {"PGPASSWORD", "abc1"},
    {"MYSQL_PWD", "abc1"},
    {"POSTGRES_PASSWORD", "postgres"},
    {"SECRET_KEY", "abcd"},
    {"JWT_SECRET", "abcd"},
    {"RABBITMQ_ERLANG_COOKIE", "abcdsecret"},
    {"GITHUB_PAT", "abcdef123"},
    {"DSN", "user:pass@tcp(db:3306)/app"},
    {"DATABASE_URL", "postgres://u:p4ss@h/db"},
    {"MONGO_URI", "mongodb+srv://u:p4ss@h/db"},
    {"AMQP", "amqp://guest:guest@h"},
    {"PASSWORD", "p/w1"},
    {"PASSWORD", "/abc+def=="},
    {"TOKEN", "1234567"},
    {"PASSWORD", "123"},
    {"SECRET", "true1"},
    {"password", "abc"},
    {"Db-Password", "abc"},
    {"SPRING_DATASOURCE_PASSWORD", "p"},
    {"X", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk"},
    {"X", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBFabcdef"},
    {"X", "-----BEGIN RSA PRIVATE KEY-----\\nMIIEowIBAAKC"},
    {"MYSQL_ROOT_PASSWORD", "root"},
    {"CONNSTR", "Server=x;User Id=sa;Password=Pa55;"},
    {"AZ", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghij0123456789=="},
    {"GF_SECURITY_ADMIN_PASSWORD", "admin"},
    {"KEY_PASSPHRASE", "a b"},
    {"BASIC_AUTH", "admin:abc"},
    {"HTTP_AUTH", "admin:abc"},
    {"SESSION_SECRET", "keyboard cat"},
    {"PASSWORD", "example1"},
    {"PASSWORD", "password"},
    {"PASSWORD", "secret"},
    {"REDIS_URL", "redis://:p4ss@h:6379/0"},
    {"CREDENTIALS", "a:b"},
    {"SMTP_PASS", "abc"},
    {"APP_SECRET", "abc"},
    {"ENC_KEY", "MDEyMzQ1Njc4OWFiY2RlZg=="},
    {"SSH_KEY", "abc"},
    {"WIFI_PSK", "abcdefgh"},
    {"HTTP_AUTH", "admin:pw9"},
    {"DB_URL", "user:pa@ss@tcp(db:3306)/x"},
    {"PASSWORD", "P@$$w0rd!"},
    {"PASSWORD", "$ecr3t!x"},
    {"VAULT_SECRET_ID", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"},
    {"JAVA_OPTS", "-Djavax.net.ssl.keyStorePassword=pw9x -Dx=y"},
};

static const struct variable harmless_variables[] = {
    {"MAX_TOKENS", "4096"},
    {"TOKENIZER", "gpt2"},
    {"TOKENIZERS_PARALLELISM", "true"},
    {"OPENAI_MAX_TOKENS", "2048"},
    {"MODEL_TOKENIZER", "bert-base"},
    {"SECRETARY", "bob"},
    {"COMPASS", "north"},
    {"BYPASS", "1x"},
    {"AUTHOR", "Bob"},
    {"MYSQL_ALLOW_EMPTY_PASSWORD", "yes"},
    {"MYSQL_RANDOM_ROOT_PASSWORD", "yes"},
    {"MYSQL_RANDOM_ROOT_PASSWORD", "1"},
    {"POSTGRES_PASSWORD_FILE", "/run/secrets/x"},
    {"PASSWORD", "/run/secrets/pw"},
    {"TOKEN", ""},
    {"TOKEN", "\"\""},
    {"PASSWORD", "${PW}"},
    {"PASSWORD", "$PW"},
    {"PASSWORD", "<password>"},
    {"PASSWORD", "changeme"},
    {"PASSWORD", "CHANGE_ME"},
    {"PASSWORD", "your-password-here"},
    {"PASSWORD", "****"},
    {"PASSWORD", "xxxxx"},
    {"GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"},
    {"PASSWORD_MIN_LENGTH", "8"},
    {"AUTH", "none"},
    {"AUTH_TYPE", "basic"},
    {"REQUIRE_AUTH", "true"},
    {"SECRET_NAME", "x"},
    {"SECRETS_DIR", "/run"},
    {"JAVA_HOME", "/usr"},
    {"PYTHON_SHA256", "abc"},
    {"PASSWORD_RESET_ENABLED", "true"},
    {"TOKEN_ENDPOINT", "https://x/y"},
    {"ACCESS_TOKEN_LIFETIME", "3600"},
    {"SSL_KEY_FILE", "/k"},
    {"PASSWORD", "vault:secret/data/x#pw"},
    {"PASSWORD", "file:///run/s"},
    {"PASSWORD", "{{ pw }}"},
    {"PASSWORD", "%(pw)s"},
    {"PASSWORD", "REPLACE_ME"},
    {"PASSWORD", "todo"},
    {"TOKEN_EXPIRES_IN", "3600"},
    {"JWT_TOKEN_EXPIRATION_MINUTES", "60"},
    {"PASSWORD_HASH_ROUNDS", "12"},
    {"PASSWORD_ENCRYPTION", "scram-sha-256"},
    {"POSTGRES_HOST_AUTH_METHOD", "trust"},
    {"POSTGRES_INITDB_ARGS", "--auth-host=scram-sha-256"},
    {"DISABLE_AUTH", "1"},
    {"NO_AUTH", "1"},
    {"ACCESS_KEY_ID", ""},
    {"X", "https://x/y:z@w"},
    {"SSH_AUTH_SOCK", "/x"},
    {"TOKEN_BUCKET", "5"},
    {"GIT_SSL_CERT_PASSWORD_PROTECTED", "true"},
    {"AUTH_DISABLED", "1"},
    {"XAUTHORITY", "/x"},
    {"NEXTAUTH_URL", "http://x"},
    {"KEYCLOAK_AUTH_SERVER", "x"},
    {"PASSWORD_CHANGE_INTERVAL", "90"},
    {"AUTH_REQUIRED", "yes"},
    {"PASS_THROUGH", "a"},
    {"PASSWORDLESS", "1x"},
    {"SECRETS_MANAGER_REGION", "us-east-1"},
    {"TOKENS_PER_SECOND", "20"},
    {"MAX_NEW_TOKENS", "512"},
    {"DJANGO_AUTH_PASSWORD_VALIDATORS", "a.b.C"},
    {"SECRET_KEY", "${SECRET_KEY:-}"},
    {"GPG_KEYS", "AB12 CD34"},
    {"NODE_AUTH_TOKEN", "${NPM_TOKEN}"},
    {"TOKENIZER_NAME", "x"},
    {"CREDENTIALS_PATH", "/x"},
    {"CMD_PASSWORD", "$(cat /x)"},
    {"PASSWORD", "arn:aws:secretsmanager:eu:1:secret:x"},
    {"SECRETS_DIR", "/x"},
    {"TOKEN", "{\"a\":\"b\"}"},
    {"PASSWORD", "{x}"},
};

START_TEST(a_secret_in_a_text_is_hidden)
{
    static const char *const values[] = {"pw1", "pw9x"};
    const char *text = secret_texts[_i];
    scoped_str shown = STR_INIT;

    secret_redact(&shown, text, strlen(text), false);
    ck_assert_msg(strstr(str_text(&shown), "[redacted]") != NULL, "%s", text);
    for (size_t i = 0; i < countof(values); i++)
        ck_assert_msg(!strstr(str_text(&shown), values[i]), "%s", str_text(&shown));
}
END_TEST

START_TEST(a_harmless_text_is_left_alone)
{
    scoped_str shown = STR_INIT;

    secret_redact(&shown, harmless_texts[_i], strlen(harmless_texts[_i]), false);
    ck_assert_str_eq(str_text(&shown), harmless_texts[_i]);
}
END_TEST

START_TEST(a_secret_variable_is_told)
{
    const struct variable *variable = &secret_variables[_i];
    struct secret_match match;

    ck_assert_msg(secret_is_value(variable->name, variable->value, &match), "%s=%s", variable->name, variable->value);
    ck_assert(match.value >= variable->value &&
              match.value + match.value_length <= variable->value + strlen(variable->value));
}
END_TEST

START_TEST(a_harmless_variable_is_not_told)
{
    const struct variable *variable = &harmless_variables[_i];

    ck_assert_msg(!secret_is_value(variable->name, variable->value, NULL), "%s=%s", variable->name, variable->value);
}
END_TEST

/* More than there is room for: nothing of them is shown. */
START_TEST(many_passwords_at_once)
{
    scoped_str text = STR_INIT, shown = STR_INIT;

    str_append(&text, "chpasswd <<EOF\n");
    for (int i = 0; i < 200; i++)
        str_printf(&text, "user%d:pw1-%d\n", i, i);
    str_append(&text, "EOF\necho done");
    secret_redact(&shown, str_text(&text), text.length, false);
    ck_assert_msg(!strstr(str_text(&shown), "pw1"), "%s", str_text(&shown));
    ck_assert(strstr(str_text(&shown), "EOF\necho done") != NULL);
}
END_TEST

/* A variable's value that holds a named secret tells that name. */
START_TEST(the_inner_name_is_told)
{
    struct secret_match match;

    ck_assert(secret_is_value("JAVA_OPTS", "-Xmx1g -Dstore.password=abc9 -Dx=y", &match));
    ck_assert_int_eq((int)match.name_length, (int)strlen("Dstore.password"));
    ck_assert(strncmp(match.name, "Dstore.password", match.name_length) == 0);
    ck_assert_int_eq((int)match.value_length, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secrets");
    TCase *tests = tcase_create("secrets");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, a_secret_in_a_text_is_hidden, 0, (int)countof(secret_texts));
    tcase_add_loop_test(tests, a_harmless_text_is_left_alone, 0, (int)countof(harmless_texts));
    tcase_add_loop_test(tests, a_secret_variable_is_told, 0, (int)countof(secret_variables));
    tcase_add_loop_test(tests, a_harmless_variable_is_not_told, 0, (int)countof(harmless_variables));
    tcase_add_test(tests, many_passwords_at_once);
    tcase_add_test(tests, the_inner_name_is_told);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
