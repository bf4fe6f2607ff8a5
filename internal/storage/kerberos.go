package storage

import (
	"errors"
	"os"
	"os/user"
	"strings"
	"sync"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"

	"deepdist/internal/frame"
)

// ticket is who we are to Kerberos. It comes from the machine where it is needed, the driver's or an executor's: Spark's own delegation
// tokens are not spoken by the client.
type ticket struct {
	client    *client.Client
	principal string
	from      string // where it comes from, for errors
	once      sync.Once
}

// advice says which ways to a ticket there are.
const advice = "give each machine that reads or writes HDFS a ticket: a keytab that it has under one path everywhere (spark.kerberos.keytab and spark.kerberos.principal; or KRB5_CLIENT_KTNAME " +
	"with spark.kerberos.principal), or a cache of tickets in a file (kinit; KRB5CCNAME); on executors variables are set by spark.executorEnv.KRB5CCNAME and so on; or let Spark read: dd.train(sc.textFile(path))"

// login finds a ticket: from the keytab of spark.kerberos.keytab, if this machine has it, or of KRB5_CLIENT_KTNAME, else in the cache that
// KRB5CCNAME or MIT's default names.
func login(hadoop Hadoop) (*ticket, error) {
	host, _ := os.Hostname()
	path := os.Getenv("KRB5_CONFIG")
	if path == "" {
		path = "/etc/krb5.conf"
	}
	conf, err := config.Load(path)
	if err != nil && (conf == nil || errors.Is(err, os.ErrNotExist)) {
		return nil, frame.Errorf(frame.BadInput, "Hadoop's configuration asks for Kerberos, but on host %s %s can't be read (%w): put it there, or name another one in KRB5_CONFIG", host, path, err)
	}
	principal := hadoop.Settings["spark.kerberos.principal"]
	for _, named := range []string{hadoop.Settings["spark.kerberos.keytab"], os.Getenv("KRB5_CLIENT_KTNAME")} {
		named = strings.TrimPrefix(named, "FILE:")
		if named == "" || principal == "" {
			continue
		}
		keys, err := keytab.Load(named)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, frame.Errorf(frame.BadInput, "read the keytab %s on host %s: %w", named, host, err)
		}
		name, realm, found := strings.Cut(principal, "@")
		if !found {
			realm = conf.LibDefaults.DefaultRealm
		}
		c := client.NewWithKeytab(name, realm, keys, conf, client.DisablePAFXFAST(true))
		if err := c.Login(); err != nil {
			c.Destroy()
			return nil, frame.Errorf(frame.BadInput, "host %s gets no ticket for %s from the keytab %s: %w", host, principal, named, err)
		}
		return &ticket{client: c, principal: name + "@" + realm, from: "the keytab " + named}, nil
	}
	cache := os.Getenv("KRB5CCNAME")
	if cache == "" {
		me, err := user.Current()
		if err != nil {
			return nil, err
		}
		cache = "/tmp/krb5cc_" + me.Uid
	}
	cache = strings.TrimPrefix(cache, "FILE:")
	if kind, _, found := strings.Cut(cache, ":"); found {
		return nil, frame.Errorf(frame.BadInput, "KRB5CCNAME on host %s names a cache of the kind %s, of which only FILE: can be read: %s", host, kind, advice)
	}
	tickets, err := credentials.LoadCCache(cache)
	if err != nil {
		return nil, frame.Errorf(frame.BadInput, "HDFS asks for Kerberos, and host %s has no ticket (%w): %s", host, err, advice)
	}
	c, err := client.NewFromCCache(tickets, conf, client.DisablePAFXFAST(true))
	if err != nil {
		return nil, frame.Errorf(frame.BadInput, "the cache of tickets %s on host %s is of no use (%w): %s", cache, host, err, advice)
	}
	return &ticket{client: c, principal: tickets.GetClientPrincipalName().PrincipalNameString() + "@" + tickets.GetClientRealm(), from: "the cache " + cache}, nil
}

func (t *ticket) close() { t.once.Do(t.client.Destroy) }

// unsecured tells whether an error is one of showing who we are.
func unsecured(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	for _, word := range []string{"SASL", "SIMPLE authentication is not enabled", "KRB", "kerberos"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func (t *ticket) explain(where string, err error) error {
	host, _ := os.Hostname()
	if t == nil {
		return frame.Errorf(frame.BadInput, "%s asks for Kerberos (%w), but Hadoop's configuration, as Spark has it, does not say so: set hadoop.security.authentication=kerberos and dfs.namenode.kerberos.principal "+
			"(core-site.xml and hdfs-site.xml in HADOOP_CONF_DIR, or spark.hadoop.…)", where, err)
	}
	return frame.Errorf(frame.BadInput, "%s does not take %s's ticket, from %s on host %s (%w): look whether it has expired (klist), whether dfs.namenode.kerberos.principal is right, and whether the clocks agree",
		where, t.principal, t.from, host, err)
}
