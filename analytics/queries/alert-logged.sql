-- Whether an alert is in the log.
SELECT count() > 0 AS logged FROM alerts WHERE id = {id:String}
