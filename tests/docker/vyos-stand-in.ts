/**
 * What stands for VyOS where there is none: its programs by their names, with a configuration that is a file. It takes
 * what has no line with `refuse`, which it quotes when it refuses; and it remembers the arguments of all processes.
 */
export const standIn = `#!/bin/sh
mkdir -p /config /opt/vyatta/sbin /opt/vyatta/bin
cat >/usr/bin/sg <<'END'
#!/bin/sh
[ "$1" = vyattacfg ] && [ "$2" = -c ] && exec sh -c "$3"
END
cat >/opt/vyatta/sbin/vyatta-cfg-cmd-wrapper <<'END'
#!/bin/sh
session=/tmp/session.$CMD_WRAPPER_SESSION_ID
case $1 in
    begin) mkdir $session ;;
    load)
        cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' >>/tmp/arguments
        if grep refuse "$2"; then exit 1; fi
        [ "$(cat "$2")" != "$(cat /tmp/active)" ] || { echo "No configuration changes to commit."; exit; }
        cp "$2" $session/config ;;
    commit_with_error) cp $session/config /tmp/active && echo commit >>/tmp/commits ;;
    discard) rm -f $session/config ;;
    save) cp /tmp/active "$2" ;;
    end) rm -r $session ;;
    *) exit 9 ;;
esac
END
cat >/opt/vyatta/bin/vyatta-op-cmd-wrapper <<'END'
#!/bin/sh
[ "$*" = "show configuration commands" ] && exec cat /tmp/active
END
chmod 755 /usr/bin/sg /opt/vyatta/sbin/* /opt/vyatta/bin/*
# As systemd does before it starts vyos-router.service.
before=$(sed -n 's/^ExecStartPre=-//p' /etc/systemd/system/vyos-router.service.d/*.conf 2>/dev/null)
[ -z "$before" ] || sh -c "$before"
ip -o link show >/tmp/links-at-boot
cat /config/config.boot >/tmp/active 2>/dev/null
echo 0 >/tmp/vyos-config-status
exec sleep infinity`;
