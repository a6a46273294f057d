#!/bin/sh
# Makes what deploy/mosquitto/production.conf reads: a private CA, the server's certificate, the platform's account.
# What is there already stays as it is, so it can be run again. Needs openssl and mosquitto_passwd.
#   first-start.sh FOLDER HOST…      e.g. first-start.sh /etc/mosquitto/chargewatch mqtt.city.example 203.0.113.5
set -eu
umask 027
[ $# -ge 2 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
folder=$1 host=$2
shift
names=DNS:localhost,IP:127.0.0.1
for name; do
  case $name in
    *[!0-9.]*) names=$names,DNS:$name ;;
    *) names=$names,IP:$name ;;
  esac
done
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
cd "$folder"

if [ ! -e ca.key ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  chmod 600 ca.key
  openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=chargewatch private CA" -out ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
  echo "ca.key, ca.crt: the private CA. Give ca.crt to the operators; take ca.key off this machine."
fi
if [ ! -e server.crt ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out server.key
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n' "$names" > server.ext
  openssl req -new -key server.key -subj "/CN=$host" -out server.csr
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days 825 \
    -extfile server.ext -out server.crt 2>/dev/null
  rm server.csr server.ext
  echo "server.key, server.crt: the broker's certificate for $names, good for 825 days."
fi
if [ ! -e platform.passwd ]; then
  openssl rand -hex 24 > platform.secret
  chmod 600 platform.secret
  touch platform.passwd
  # By standard input: the secret never stands among the arguments that every user of this machine can list.
  printf 'platform:%s\n' "$(cat platform.secret)" > platform.passwd
  mosquitto_passwd -U platform.passwd
  echo "platform.secret: the collector's password, for CHARGEWATCH_MQTT_PASSWORD_FILE."
fi
[ -e platform.acl ] || cp "$here/platform.acl" platform.acl
# Nobody, until `chargewatch operator` has written them.
[ -e operators.passwd ] || : > operators.passwd
[ -e operators.acl ] || echo 'pattern deny #' > operators.acl
# mosquitto reads them as its own user, by the group.
if [ "$(id -u)" = 0 ] && getent group mosquitto > /dev/null; then
  chgrp mosquitto . server.key server.crt platform.passwd platform.acl operators.passwd operators.acl
fi
chmod 640 server.key platform.passwd platform.acl operators.passwd operators.acl
chmod 644 ca.crt
chmod 2750 .
